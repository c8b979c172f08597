variable "region" {
  description = "Region of the repository. Vertex AI takes images only from the region of the job."
  type        = string
}
