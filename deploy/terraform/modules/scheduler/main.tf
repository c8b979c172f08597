# The request may be repeated: the report of the same window and records is made once.
resource "google_cloud_scheduler_job" "drift" {
  name             = "drift"
  description      = "Tests the predictions of yesterday and today for drift"
  region           = var.region
  schedule         = var.cron
  time_zone        = var.time_zone
  attempt_deadline = "900s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "60s"
    max_backoff_duration = "600s"
  }

  http_target {
    http_method = "POST"
    uri         = "${var.url}/run"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = var.service_account
      audience              = var.url
    }
  }
}

resource "google_cloud_run_v2_service_iam_member" "scheduler" {
  location = var.region
  name     = var.service
  role     = "roles/run.invoker"
  member   = "serviceAccount:${var.service_account}"
}
