output "endpoint" {
  description = "Number of the endpoint."
  value       = google_vertex_ai_endpoint.predictor.name
}
