output "name" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.monitor.name
}

output "url" {
  description = "Address of the service."
  value       = google_cloud_run_v2_service.monitor.uri
}

output "job" {
  description = "Name of the job that tests for drift once."
  value       = google_cloud_run_v2_job.run.name
}
