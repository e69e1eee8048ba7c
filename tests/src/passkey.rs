//! A device that holds passkeys: P-256, CBOR by hand, no attestation.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sharestack_kernel::random::{Randomness, SystemRandomness};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// A device with one key.
pub struct Device {
    pkcs8: Vec<u8>,
    /// What it calls its key.
    pub id: Vec<u8>,
    handle: String,
    /// How often it has signed.
    pub counter: u32,
    /// Which page it thinks it is on.
    pub origin: String,
    /// Which site it thinks it signs for.
    pub rp_id: String,
    /// Whether it looks at a finger before it signs.
    pub verifies: bool,
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A CBOR head: major type and length below 2^16.
fn head(major: u8, length: usize) -> Vec<u8> {
    let major = major << 5;
    match u8::try_from(length) {
        Ok(short) if short < 24 => vec![major | short],
        Ok(byte) => vec![major | 0x18, byte],
        Err(_) => [vec![major | 0x19], u16::try_from(length).unwrap().to_be_bytes().to_vec()].concat(),
    }
}

fn text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

impl Device {
    /// A new device, on this page.
    pub fn on(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self {
            pkcs8: key.to_pkcs8v1().unwrap().as_ref().to_vec(),
            id: SystemRandomness.token().to_vec(),
            handle: String::new(),
            counter: 0,
            origin: origin.to_owned(),
            rp_id: "localhost".to_owned(),
            verifies: true,
        }
    }

    /// Another device with the same key: what a thief makes.
    pub fn copy(&self) -> Self {
        Self {
            pkcs8: self.pkcs8.clone(),
            id: self.id.clone(),
            handle: self.handle.clone(),
            origin: self.origin.clone(),
            rp_id: self.rp_id.clone(),
            ..*self
        }
    }

    fn key(&self) -> EcdsaKeyPair {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.pkcs8).unwrap()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(&self.rp_id).to_vec();
        data.push(USER_PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client(&self, kind: &str, options: &Value) -> Vec<u8> {
        let client = json!({
            "type": kind, "challenge": options["publicKey"]["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        client.to_string().into_bytes()
    }

    /// Makes its key known: what `navigator.credentials.create` gives for these options.
    pub fn create(&mut self, options: &Value) -> Value {
        options["publicKey"]["user"]["id"].as_str().unwrap().clone_into(&mut self.handle);
        let key = self.key();
        let point = key.public_key().as_ref();
        // COSE: key type EC2, ES256, curve P-256, x, y.
        let cose = [
            vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21],
            bytes(&point[1..33]),
            vec![0x22],
            bytes(&point[33..65]),
        ]
        .concat();
        let mut data = self.data(ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(cose);
        let object =
            [head(5, 3), text("fmt"), text("none"), text("attStmt"), head(5, 0), text("authData"), bytes(&data)]
                .concat();
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "attestationObject": b64(&object),
                "clientDataJSON": b64(&self.client("webauthn.create", options)),
            },
        })
    }

    /// Signs: what `navigator.credentials.get` gives for these options.
    pub fn get(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let (data, client) = (self.data(0), self.client("webauthn.get", options));
        let signed = [data.clone(), Sha256::digest(&client).to_vec()].concat();
        let signature = self.key().sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "authenticatorData": b64(&data), "clientDataJSON": b64(&client),
                "signature": b64(signature.as_ref()), "userHandle": self.handle,
            },
        })
    }
}
