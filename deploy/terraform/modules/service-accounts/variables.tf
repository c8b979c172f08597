variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of the repository."
  type        = string
}

variable "buckets" {
  description = "Names of the buckets: models, data, predictions, reports, builds."
  type        = map(string)
}

variable "repository" {
  description = "Artifact Registry repository of the images."
  type        = string
}
