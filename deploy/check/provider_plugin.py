"""A provider for Terraform that knows the schema of Google's and nothing else, so that `terraform validate` and `terraform
test` with a mocked provider run where the provider itself cannot be downloaded.

Terraform starts it as a program, over the protocol of go-plugin: one line on stdout with the address and the certificate of a
gRPC server. Of the provider's protocol (version 6) it answers GetProviderSchema; the validations, which the schema already
covers, are answered without complaints. It can neither plan nor apply.
"""

import base64
import concurrent.futures
import datetime
import json
import pathlib
import sys
import threading

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SCHEMA = pathlib.Path(__file__).resolve().parent / "provider_schema.json"
NESTING = {"single": 1, "list": 2, "set": 3}
ACCEPTED = ["ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "StopProvider"]


def main():
    stopped = threading.Event()
    key, certificate = make_certificate()
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=8)
    server = grpc.server(pool, options=[("grpc.max_send_message_length", 1 << 27)])
    schema = provider_schema(json.loads(SCHEMA.read_text()))
    methods = {"GetProviderSchema": answer(lambda: schema), **{name: answer(bytes) for name in ACCEPTED}}

    def shutdown():
        stopped.set()
        return b""

    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler("tfplugin6.Provider", methods),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": answer(shutdown)}),
    ))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, pem(certificate))]))
    server.start()
    der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode().rstrip("=")
    print(f"1|6|tcp|127.0.0.1:{port}|grpc|{der}", flush=True)
    stopped.wait()
    server.stop(grace=1).wait()


def answer(result):
    """Handler of a call whose request does not matter."""
    return grpc.unary_unary_rpc_method_handler(lambda request, context: result())


def make_certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return encoded, certificate


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


# The messages of tfplugin6.proto, as protocol buffers encode them: (number of the field << 3 | kind), value.

def provider_schema(schema):
    message = field(1, schema_of(schema["provider"]))
    for number, kind in [(2, "resources"), (3, "data_sources")]:
        for name, block in schema[kind].items():
            message += field(number, field(1, name.encode()) + field(2, schema_of(block)))
    return message


def schema_of(block):
    return field(2, block_of(block))


def block_of(block):
    message = b""
    for name, attribute in block["attributes"].items():
        flags = b"".join(number(index, 1) for index, flag in [(4, "required"), (5, "optional"), (6, "computed")]
                         if attribute.get(flag))
        message += field(2, field(1, name.encode()) + field(2, json.dumps(attribute["type"]).encode()) + flags)
    for name, nested in block["block_types"].items():
        message += field(3, field(1, name.encode()) + field(2, block_of(nested["block"]))
                         + number(3, NESTING[nested["nesting_mode"]])
                         + number(4, nested.get("min_items", 0)) + number(5, nested.get("max_items", 0)))
    return message


def field(index, content):
    return varint(index << 3 | 2) + varint(len(content)) + content


def number(index, value):
    return varint(index << 3) + varint(value)


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


if __name__ == "__main__":
    sys.exit(main())
