resource "google_cloudbuild_trigger" "deploy" {
  name            = "bcs-deploy"
  description     = "Tests, builds and deploys each commit"
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = "projects/${var.project}/serviceAccounts/${var.builder}"

  github {
    owner = var.owner
    name  = var.name
    push {
      branch = var.branch
    }
  }

  substitutions = {
    _REGION        = var.region
    _REPOSITORY    = var.repository
    _PREDICTOR     = "predictor"
    _DRIFT_MONITOR = "drift-monitor"
  }

  # Documentation and infrastructure are not in the images.
  ignored_files = ["docs/**", "deploy/**", "*.md"]
}

# Deploying to these services, and no others, and acting as their accounts while doing so.
resource "google_cloud_run_v2_service_iam_member" "deployer" {
  for_each = var.services

  location = var.region
  name     = each.key
  role     = "roles/run.developer"
  member   = "serviceAccount:${var.builder}"
}

resource "google_service_account_iam_member" "deployer" {
  for_each = var.services

  service_account_id = "projects/${var.project}/serviceAccounts/${each.value}"
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${var.builder}"
}
