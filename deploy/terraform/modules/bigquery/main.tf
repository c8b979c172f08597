# The prediction records as a table, read from the bucket by each query: records/date=YYYY-MM-DD/<id>.json, partitioned by
# date. Who queries it needs to read the bucket as well.
resource "google_bigquery_dataset" "bcs" {
  dataset_id                 = "bcs"
  description                = "Predictions of the bcs predictor"
  location                   = var.region
  delete_contents_on_destroy = var.force_destroy
}

resource "google_bigquery_table" "records" {
  dataset_id          = google_bigquery_dataset.bcs.dataset_id
  table_id            = "records"
  description         = "Prediction records, one row per image"
  deletion_protection = !var.force_destroy

  external_data_configuration {
    source_format         = "NEWLINE_DELIMITED_JSON"
    source_uris           = ["gs://${var.predictions_bucket}/records/*"]
    autodetect            = false
    schema                = file("${path.module}/record.schema.json")
    ignore_unknown_values = true
    # A damaged record fails the query: it must not be counted as absent.
    max_bad_records = 0

    hive_partitioning_options {
      mode                     = "CUSTOM"
      source_uri_prefix        = "gs://${var.predictions_bucket}/records/{date:DATE}"
      require_partition_filter = true
    }
  }
}
