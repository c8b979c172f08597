variable "region" {
  description = "Region of the endpoint."
  type        = string
}
