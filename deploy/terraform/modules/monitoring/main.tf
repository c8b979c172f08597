# Cloud Run scales to zero, so that a scraped gauge would be lost: drift is counted from the log of the monitor.
resource "google_logging_metric" "drift" {
  name        = "bcs/drift"
  description = "Runs of the drift monitor that found drift"
  filter      = "resource.type=(\"cloud_run_revision\" OR \"cloud_run_job\") AND severity=WARNING AND jsonPayload.message=~\"^Drift: \""

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "Runs that found drift"
  }
}

resource "google_logging_metric" "drift_runs" {
  name        = "bcs/drift_runs"
  description = "Runs of the drift monitor"
  filter      = "resource.type=(\"cloud_run_revision\" OR \"cloud_run_job\") AND severity=INFO AND jsonPayload.message=\"The run is done.\""

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "Runs of the drift monitor"
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }
}

locals {
  service  = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name"
  channels = [for channel in google_monitoring_notification_channel.email : channel.name]

  # Thresholds on one time series each, over windows of five minutes.
  thresholds = {
    predictor-errors = {
      title     = "The predictor fails"
      text      = "More than 5 responses with status 5xx in five minutes. 503 means that the model or the bucket cannot be used; the log says why. To go back to the revision before: deploy/README.md, Roll back."
      severity  = "CRITICAL"
      filter    = "${local.service}=\"predictor\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""
      aligner   = "ALIGN_SUM"
      reducer   = "REDUCE_SUM"
      threshold = 5
      duration  = "0s"
    }
    predictor-latency = {
      title     = "The predictor is slow"
      text      = "The 95th percentile of the latency has been above 10 s for 15 minutes. If instances are at their largest number, raise predictor_instances."
      severity  = "WARNING"
      filter    = "${local.service}=\"predictor\" AND metric.type=\"run.googleapis.com/request_latencies\""
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      threshold = 10000
      duration  = "900s"
    }
    predictor-memory = {
      title     = "The predictor is short of memory"
      text      = "The 95th percentile of the used memory has been above 90 % for 15 minutes. Requests wait for memory rather than fail; give the service more, or lower its concurrency."
      severity  = "WARNING"
      filter    = "${local.service}=\"predictor\" AND metric.type=\"run.googleapis.com/container/memory/utilizations\""
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      threshold = 0.9
      duration  = "900s"
    }
    drift = {
      title     = "Incoming tissue has drifted"
      text      = "The newest report of the drift monitor (GET /reports) says which features differ from the training data, and by how much."
      severity  = "WARNING"
      filter    = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.drift.name}\""
      aligner   = "ALIGN_SUM"
      reducer   = "REDUCE_SUM"
      threshold = 0
      duration  = "0s"
    }
    jobs = {
      title     = "A job failed"
      text      = "An execution of a Cloud Run job failed. Exit codes: 1 failure, 2 usage or configuration, 3 drift, 4 not judged."
      severity  = "WARNING"
      filter    = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=one_of(\"segment\", \"drift-run\") AND metric.type=\"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result=\"failed\""
      aligner   = "ALIGN_SUM"
      reducer   = "REDUCE_SUM"
      threshold = 0
      duration  = "0s"
    }
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = local.thresholds

  display_name          = each.value.title
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
      trigger {
        count = 1
      }
    }
  }

  documentation {
    content   = each.value.text
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

# A scheduler that is paused, or a monitor that never gets a token, raises no error of its own. Absence is watched for 23.5
# hours at most.
resource "google_monitoring_alert_policy" "silent" {
  display_name          = "Drift has not been tested for a day"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "No run of the drift monitor"
    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.drift_runs.name}\""
      duration = "84600s"

      aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_COUNT"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "See the log of the job 'drift' in Cloud Scheduler, and that of the service drift-monitor."
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_dashboard" "bcs" {
  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", {
    project    = var.project
    drift      = google_logging_metric.drift.name
    drift_runs = google_logging_metric.drift_runs.name
  })
}
