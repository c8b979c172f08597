variable "region" {
  description = "Region of the dataset: that of the bucket."
  type        = string
}

variable "predictions_bucket" {
  description = "Bucket of the prediction records."
  type        = string
}

variable "force_destroy" {
  description = "Whether dataset and table may be deleted."
  type        = bool
}
