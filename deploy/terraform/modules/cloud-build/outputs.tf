output "trigger" {
  description = "Id of the trigger."
  value       = google_cloudbuild_trigger.deploy.trigger_id
}
