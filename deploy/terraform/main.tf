locals {
  registry = "${var.region}-docker.pkg.dev/${var.project}/${module.artifact_registry.name}"
  # What runs an image is made when there is one.
  running = var.revision == null ? toset([]) : toset(["running"])
}

module "apis" {
  source  = "./modules/apis"
  project = var.project
}

module "artifact_registry" {
  source     = "./modules/artifact-registry"
  region     = var.region
  depends_on = [module.apis]
}

module "buckets" {
  source         = "./modules/buckets"
  project        = var.project
  region         = var.region
  retention_days = var.retention_days
  force_destroy  = var.force_destroy
  depends_on     = [module.apis]
}

module "service_accounts" {
  source     = "./modules/service-accounts"
  project    = var.project
  region     = var.region
  buckets    = module.buckets.names
  repository = module.artifact_registry.name
  depends_on = [module.apis]
}

module "secrets" {
  source     = "./modules/secrets"
  region     = var.region
  reader     = module.service_accounts.emails.predictor
  depends_on = [module.apis]
}

module "predictor" {
  source              = "./modules/predictor"
  for_each            = local.running
  project             = var.project
  region              = var.region
  image               = "${local.registry}/predictor:${var.revision}"
  service_account     = module.service_accounts.emails.predictor
  models_bucket       = module.buckets.names.models
  predictions_bucket  = module.buckets.names.predictions
  model_path          = var.model_path
  instances           = var.predictor_instances
  api_keys_secret     = var.require_api_keys ? module.secrets.api_keys : null
  invokers            = var.predictor_invokers
  deletion_protection = !var.force_destroy
}

module "drift_monitor" {
  source              = "./modules/drift-monitor"
  for_each            = local.running
  project             = var.project
  region              = var.region
  image               = "${local.registry}/drift-monitor:${var.revision}"
  service_account     = module.service_accounts.emails.drift-monitor
  models_bucket       = module.buckets.names.models
  predictions_bucket  = module.buckets.names.predictions
  reports_bucket      = module.buckets.names.reports
  model_path          = var.model_path
  deletion_protection = !var.force_destroy
}

module "scheduler" {
  source          = "./modules/scheduler"
  for_each        = local.running
  region          = var.region
  service         = module.drift_monitor["running"].name
  url             = module.drift_monitor["running"].url
  service_account = module.service_accounts.emails.scheduler
  cron            = var.drift_schedule.cron
  time_zone       = var.drift_schedule.time_zone
}

module "batch_prediction" {
  source              = "./modules/batch-prediction"
  for_each            = local.running
  region              = var.region
  image               = "${local.registry}/predictor:${var.revision}"
  service_account     = module.service_accounts.emails.batch-prediction
  model               = "gs://${module.buckets.names.models}/${var.model_path}"
  input               = "gs://${module.buckets.names.data}/incoming"
  output              = "gs://${module.buckets.names.predictions}/batch"
  tasks               = var.batch_tasks.count
  parallelism         = var.batch_tasks.parallelism
  deletion_protection = !var.force_destroy
}

module "vertex" {
  source     = "./modules/vertex"
  region     = var.region
  depends_on = [module.apis]
}

module "bigquery" {
  source             = "./modules/bigquery"
  region             = var.region
  predictions_bucket = module.buckets.names.predictions
  force_destroy      = var.force_destroy
  depends_on         = [module.apis]
}

module "monitoring" {
  source       = "./modules/monitoring"
  project      = var.project
  alert_emails = var.alert_emails
  depends_on   = [module.apis]
}

module "cloud_build" {
  source     = "./modules/cloud-build"
  for_each   = var.github == null || var.revision == null ? toset([]) : toset(["trigger"])
  project    = var.project
  region     = var.region
  repository = module.artifact_registry.name
  owner      = var.github.owner
  name       = var.github.name
  branch     = var.github.branch
  builder    = module.service_accounts.emails.builder
  services = {
    (module.predictor["running"].name)     = module.service_accounts.emails.predictor
    (module.drift_monitor["running"].name) = module.service_accounts.emails.drift-monitor
  }
}

module "compute_engine" {
  source          = "./modules/compute-engine"
  for_each        = var.training_vm == null ? toset([]) : toset(["training"])
  region          = var.region
  zone            = var.training_vm.zone
  machine_type    = var.training_vm.machine_type
  gpu             = var.training_vm.gpu
  spot            = var.training_vm.spot
  disk_gb         = var.training_vm.disk_gb
  overrides       = var.training_vm.overrides
  image           = "${local.registry}/trainer:${var.revision}"
  service_account = module.service_accounts.emails.trainer
  data_bucket     = module.buckets.names.data
  models_bucket   = module.buckets.names.models
}
