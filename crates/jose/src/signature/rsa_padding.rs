//! The encodings of messages in RSA signatures: EMSA-PKCS1-v1_5 and EMSA-PSS (RFC 8017 §9).
//!
//! It knows octets and hashes, and no keys. The length of the modulus in bits must be a multiple of 8. Then an encoding is as
//! long as the modulus.

use sha2::Digest;

/// The octets before the hash's value in an EMSA-PKCS1-v1_5 encoding: the DER of `DigestInfo` for a hash with this last arc
/// of its object identifier (RFC 8017 §9.2, note 1) and this length.
fn digest_info(arc: u8, hash_length: u8) -> [u8; 19] {
    let all = hash_length.wrapping_add(17);
    [0x30, all, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, arc, 5, 0, 4, hash_length]
}

/// Whether `encoded` is the EMSA-PKCS1-v1_5 encoding of a message with this hash (RFC 8017 §9.2). The only right encoding is built and
/// compared whole, so nothing of `encoded` is parsed. `arc` is the last one of the hash function's object identifier.
pub(super) fn is_pkcs1_v1_5(encoded: &[u8], arc: u8, hash: &[u8]) -> bool {
    let Ok(hash_length) = u8::try_from(hash.len()) else { return false };
    let info = digest_info(arc, hash_length);
    // At least eight octets of padding, two before and one after them.
    let Some(padding) = encoded.len().checked_sub(info.len().saturating_add(hash.len()).saturating_add(3))
    else {
        return false;
    };
    let expected = [&[0, 1], &*vec![0xff; padding], &[0], &info, hash].concat();
    padding >= 8 && expected == encoded
}

/// Whether `encoded` is an EMSA-PSS encoding of a message with the hash `message_hash`, with MGF1 on the same function and a salt as long as the hash
/// (RFC 8017 §9.1.2, RFC 7518 §3.5). The highest bit of `encoded`, which is not part of the encoding, must be zero.
/// `encoded` is overwritten.
pub(super) fn is_pss<D: Digest>(encoded: &mut [u8], message_hash: &[u8]) -> bool {
    let length = <D as Digest>::output_size();
    let Some((rest, [0xbc])) = encoded.split_last_chunk_mut::<1>().map(|(rest, last)| (rest, *last)) else {
        return false;
    };
    let Some((masked, hash)) = rest.len().checked_sub(length).and_then(|at| rest.split_at_mut_checked(at))
    else {
        return false;
    };
    if masked.first().is_none_or(|octet| octet & 0x80 != 0) {
        return false;
    }
    unmask::<D>(masked, hash);
    if let Some(octet) = masked.first_mut() {
        *octet &= 0x7f;
    }
    let Some((padding, salt)) = masked.len().checked_sub(length).and_then(|at| masked.split_at_checked(at))
    else {
        return false;
    };
    let Some(([1], zeros)) = padding.split_last_chunk::<1>().map(|(zeros, last)| (*last, zeros)) else {
        return false;
    };
    let expected = D::new().chain_update([0; 8]).chain_update(message_hash).chain_update(salt).finalize();
    zeros.iter().all(|octet| *octet == 0) && *expected == *hash
}

/// Exclusive-ors `data` with MGF1 of `seed` (RFC 8017 §B.2.1).
fn unmask<D: Digest>(data: &mut [u8], seed: &[u8]) {
    for (chunk, counter) in data.chunks_mut(<D as Digest>::output_size()).zip(0_u32..) {
        let mask = D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        chunk.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    }
}
