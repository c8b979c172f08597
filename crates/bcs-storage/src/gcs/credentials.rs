use std::path::Path;

use google_cloud_auth::credentials::service_account::{self, AccessSpecifier};
use google_cloud_auth::credentials::{Builder, Credentials, anonymous};

use super::endpoint::Endpoint;
use super::failure::{Failure, chain};

/// Permission that requests ask for: to read and write objects.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// Returns the application-default credentials: of the file that `GOOGLE_APPLICATION_CREDENTIALS` names, else those that
/// gcloud has stored for its user, else of the machine's metadata server; or those of a key file. An emulator gets none.
pub(super) fn of(endpoint: &Endpoint) -> Result<Credentials, Failure> {
    match endpoint {
        Endpoint::Emulator(_) => Ok(anonymous::Builder::new().build()),
        Endpoint::KeyFile(path) => of_key_file(path)
            .map_err(|reason| Failure::Permission(format!("{}: {reason}", path.display()))),
        Endpoint::Google => Builder::default().with_scopes([SCOPE]).build().map_err(|error| {
            Failure::Permission(format!(
                "{}; run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a key file",
                chain(&error)
            ))
        }),
    }
}

fn of_key_file(path: &Path) -> Result<Credentials, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let key =
        serde_json::from_str(&text).map_err(|error| format!("it is no key of a service account: {error}"))?;
    let builder = service_account::Builder::new(key);
    let builder = builder.with_access_specifier(AccessSpecifier::from_scopes([SCOPE]));
    builder.build().map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::Path;
    use std::process::Command;
    use std::thread;

    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use google_cloud_auth::credentials::CacheableResource;
    use serde_json::{Value, json};

    use super::*;

    /// Beginning of the line in which the child process states what it found.
    const MARK: &str = "authorization: ";

    #[tokio::test]
    #[ignore = "the child process of the other tests, which have an environment of their own"]
    async fn child_process() {
        let headers = match of(&Endpoint::Google) {
            Ok(credentials) => credentials.headers(Default::default()).await.map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        match headers {
            Ok(CacheableResource::New { data, .. }) => {
                println!("\n{MARK}{}", data["authorization"].to_str().unwrap());
            }
            other => println!("\n{MARK}{other:?}"),
        }
    }

    /// Returns the header that the credentials of this environment give, or why there is none.
    fn header(home: &Path, environment: &[(&str, &str)]) -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "gcs::credentials::tests::child_process", "--ignored", "--nocapture"])
            .env_clear()
            .env("HOME", home)
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let header = text.lines().find_map(|line| line.strip_prefix(MARK));
        header.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
    }

    /// Starts a server that answers every request with a token, and returns its address.
    fn token_server(token: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let body = json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmetadata-flavor: Google\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    #[test]
    fn the_metadata_server_gives_a_token() {
        let home = tempfile::tempdir().unwrap();
        let server = token_server("of-the-machine");
        assert_eq!(header(home.path(), &[("GCE_METADATA_HOST", &server)]), "Bearer of-the-machine");
    }

    #[test]
    fn the_user_of_gcloud_gives_a_token() {
        let home = tempfile::tempdir().unwrap();
        let user = json!({
            "type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": "r",
            "token_uri": format!("http://{}/token", token_server("of-the-user")),
        });
        let folder = home.path().join(".config/gcloud");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("application_default_credentials.json"), user.to_string()).unwrap();
        assert_eq!(header(home.path(), &[]), "Bearer of-the-user");
    }

    #[test]
    fn a_key_file_signs_its_own_tokens() {
        let home = tempfile::tempdir().unwrap();
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let kind = "PRIVATE KEY";
        let pem = format!(
            "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
            BASE64_STANDARD.encode(der.as_ref())
        );
        let account = json!({
            "type": "service_account", "client_email": "predictor@project.iam", "private_key_id": "1",
            "private_key": pem, "project_id": "project", "token_uri": "http://127.0.0.1:1/token",
        });
        let file = home.path().join("key.json");
        std::fs::write(&file, account.to_string()).unwrap();
        let header = header(home.path(), &[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
        let claims = header.strip_prefix("Bearer ").and_then(|token| token.split('.').nth(1)).expect(&header);
        let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!((&claims["iss"], &claims["scope"]), (&"predictor@project.iam".into(), &SCOPE.into()));
    }

    #[test]
    fn a_key_file_without_a_key_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key.json");
        for text in [None, Some("{"), Some("{}")] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let failure = of(&Endpoint::KeyFile(file.clone())).unwrap_err();
            assert!(
                matches!(&failure, Failure::Permission(reason) if reason.contains("key.json: ")),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_named_as_the_reason() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key.json");
        let reason = |text: &str| {
            std::fs::write(&file, text).unwrap();
            header(home.path(), &[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())])
        };
        for text in ["", "{}", "{\"type\": \"unknown\"}"] {
            let reason = reason(text);
            assert!(reason.contains("Permission") && reason.contains("gcloud auth"), "{reason}");
        }
    }
}
