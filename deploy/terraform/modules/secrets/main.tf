# Keys of clients, one per line. Only the secret is made here: its versions are added with gcloud, so that no key is in the
# state of Terraform.
resource "google_secret_manager_secret" "api_keys" {
  secret_id = "bcs-api-keys"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_iam_member" "reader" {
  secret_id = google_secret_manager_secret.api_keys.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.reader}"
}
