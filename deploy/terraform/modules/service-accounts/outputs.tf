output "emails" {
  description = "E-mail addresses of the accounts, by what they run."
  value       = { for key, account in google_service_account.account : key => account.email }
}
