# Only the endpoint: the provider has no resource for models, so that deploy/vertex-ai/deploy-model uploads and deploys them.
resource "google_vertex_ai_endpoint" "predictor" {
  # Numbers only, unique in the project and region.
  name         = "2701966"
  display_name = "bcs-predictor"
  description  = "Breast-cancer tissue segmentation"
  location     = var.region

  # deploy-model sets it.
  lifecycle {
    ignore_changes = [traffic_split]
  }
}
