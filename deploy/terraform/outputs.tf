output "registry" {
  description = "Address of the repository of the images, without a slash at the end."
  value       = local.registry
}

output "buckets" {
  description = "Names of the buckets, by what they hold."
  value       = module.buckets.names
}

output "service_accounts" {
  description = "E-mail addresses of the service accounts, by what they run."
  value       = module.service_accounts.emails
}

output "predictor_url" {
  description = "Address of the predictor; null before there is one."
  value       = one([for predictor in module.predictor : predictor.url])
}

output "drift_monitor_url" {
  description = "Address of the drift monitor; null before there is one."
  value       = one([for monitor in module.drift_monitor : monitor.url])
}

output "batch_prediction_job" {
  description = "Name of the job of batch predictions, for gcloud run jobs execute; null before there is one."
  value       = one([for job in module.batch_prediction : job.name])
}

output "drift_job" {
  description = "Name of the job that tests for drift once; null before there is one."
  value       = one([for monitor in module.drift_monitor : monitor.job])
}

output "vertex_endpoint" {
  description = "Number of the Vertex AI endpoint, which deploy/vertex-ai/deploy-model deploys models to."
  value       = module.vertex.endpoint
}

output "records_table" {
  description = "BigQuery table of the prediction records, as PROJECT.DATASET.TABLE."
  value       = module.bigquery.table
}

output "dashboard" {
  description = "Name of the dashboard in Cloud Monitoring."
  value       = module.monitoring.dashboard
}

output "build_trigger" {
  description = "Id of the Cloud Build trigger; null without a repository."
  value       = one([for build in module.cloud_build : build.trigger])
}

output "training_vm" {
  description = "Name of the machine for training; null without one."
  value       = one([for machine in module.compute_engine : machine.name])
}
