output "table" {
  description = "The table, as PROJECT.DATASET.TABLE."
  value       = "${google_bigquery_table.records.project}.${google_bigquery_table.records.dataset_id}.${google_bigquery_table.records.table_id}"
}
