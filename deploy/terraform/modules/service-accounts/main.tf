locals {
  accounts = {
    trainer          = "Trains models on Vertex AI and Compute Engine"
    predictor        = "Serves predictions on Cloud Run and Vertex AI"
    batch-prediction = "Segments the images of a bucket"
    drift-monitor    = "Compares predictions with the drift reference"
    scheduler        = "Starts the drift monitor"
    builder          = "Builds and deploys the images"
  }

  # What each may do with each bucket: read, or read and write.
  access = {
    trainer          = { data = "read", models = "write" }
    predictor        = { models = "read", predictions = "write" }
    batch-prediction = { models = "read", data = "read", predictions = "write" }
    drift-monitor    = { models = "read", predictions = "read", reports = "write" }
    builder          = { builds = "read" }
  }

  # The predictor replaces corrected masks, and the trainer's mounted bucket renames: both need to delete as well.
  roles = { read = "roles/storage.objectViewer", write = "roles/storage.objectUser" }

  bindings = merge([
    for account, buckets in local.access : {
      for bucket, mode in buckets : "${account}-${bucket}" => { account = account, bucket = bucket, role = local.roles[mode] }
    }
  ]...)

  # Roles that exist only for the project: writing logs, and metrics of the machine for training.
  project_roles = {
    builder-logs    = { account = "builder", role = "roles/logging.logWriter" }
    trainer-logs    = { account = "trainer", role = "roles/logging.logWriter" }
    trainer-metrics = { account = "trainer", role = "roles/monitoring.metricWriter" }
  }
}

resource "google_service_account" "account" {
  for_each = local.accounts

  account_id   = "bcs-${each.key}"
  display_name = "bcs ${each.key}"
  description  = each.value
}

resource "google_storage_bucket_iam_member" "access" {
  for_each = local.bindings

  bucket = var.buckets[each.value.bucket]
  role   = each.value.role
  member = google_service_account.account[each.value.account].member
}

resource "google_project_iam_member" "role" {
  for_each = local.project_roles

  project = var.project
  role    = each.value.role
  member  = google_service_account.account[each.value.account].member
}

# Cloud Run and Vertex AI fetch images with accounts of their own; a virtual machine with that of the trainer.
resource "google_artifact_registry_repository_iam_member" "images" {
  for_each = { trainer = "roles/artifactregistry.reader", builder = "roles/artifactregistry.writer" }

  location   = var.region
  repository = var.repository
  role       = each.value
  member     = google_service_account.account[each.key].member
}
