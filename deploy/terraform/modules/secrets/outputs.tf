output "api_keys" {
  description = "Name of the secret with the keys of clients, once the predictor may read it."
  value       = google_secret_manager_secret.api_keys.secret_id
  depends_on  = [google_secret_manager_secret_iam_member.reader]
}
