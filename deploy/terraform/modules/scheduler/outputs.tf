output "name" {
  description = "Name of the scheduler's job."
  value       = google_cloud_scheduler_job.drift.name
}
