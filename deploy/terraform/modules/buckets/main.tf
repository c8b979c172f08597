locals {
  # versioned: an object that was overwritten or deleted can be had back for 30 days.
  # cold_days: seldom read after that, so that it moves to a cheaper storage class. The drift monitor reads up to 396 days
  # back, and needs no more than its window of a few days as a rule.
  buckets = {
    models      = { versioned = true, cold_days = null, delete_days = null }
    data        = { versioned = true, cold_days = null, delete_days = null }
    predictions = { versioned = false, cold_days = 90, delete_days = var.retention_days }
    reports     = { versioned = false, cold_days = 90, delete_days = var.retention_days }
    # Sources that `gcloud builds submit` uploads.
    builds = { versioned = false, cold_days = null, delete_days = 7 }
  }
}

resource "google_storage_bucket" "bucket" {
  for_each = local.buckets

  name                        = "${var.project}-bcs-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy

  versioning {
    enabled = each.value.versioned
  }

  # Uploads that were broken off.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.versioned ? [30] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.cold_days == null ? [] : [each.value.cold_days]
    content {
      action {
        type          = "SetStorageClass"
        storage_class = "NEARLINE"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.delete_days == null ? [] : [each.value.delete_days]
    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }
}
