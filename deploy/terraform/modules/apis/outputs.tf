output "enabled" {
  description = "The enabled APIs."
  value       = keys(google_project_service.enabled)
}
