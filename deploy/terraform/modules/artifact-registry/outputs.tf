output "name" {
  description = "Name of the repository."
  value       = google_artifact_registry_repository.images.repository_id
}
