resource "google_artifact_registry_repository" "images" {
  repository_id = "bcs"
  description   = "Images of trainer, predictor and drift monitor, and the build cache"
  location      = var.region
  format        = "DOCKER"

  # Images of the last month, and in any case the last ten of each: what services run, and what a rollback needs.
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "30d"
    }
  }
  cleanup_policies {
    id     = "keep-last"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }
}
