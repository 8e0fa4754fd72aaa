//! The texts between an isolate and the coordinator.

use std::sync::Arc;

use edge_assay::jose::base64url;
use edge_assay::keys::coordinator::wire::{Answer, AnyQuestion, PurgeQuestion, Question};
use edge_assay::keys::url::accept;
use edge_assay::limits::{
    FETCH_TIMEOUT_RANGE_MS, MAX_ANSWER_BYTES, MAX_ETAG_BYTES, MAX_FAILURE_REASON_CHARS, MAX_JWKS_BYTES,
    MAX_QUESTION_BYTES, MAX_SHARED_SECONDS, MAX_URL_BYTES,
};
use edge_assay::ports::{Document, DocumentRequest, FetchError};

const ACCEPT_DOCUMENT: &str = "application/json";

/// A question or an answer that was read is within the bounds, and reads the same when it is written again. What our own side writes, of any origin's answer,
/// of any failure and for any URL that may be fetched, is read as it was meant. The input is read as a question of either kind, as an answer, and as a line
/// `status|etag|cache control|content type|date|location` with a body behind it.
pub fn coordinator(data: &[u8]) -> bool {
    relayed(data);
    let Ok(text) = std::str::from_utf8(data) else { return false };
    asked(text);
    failed(text);
    let is_question = question(text);
    let is_purge_question = purge_question(text);
    let read_once = match AnyQuestion::read(text) {
        Ok(AnyQuestion::Document(_)) => (true, false),
        Ok(AnyQuestion::Purges(_)) => (false, true),
        Err(_) => (false, false),
    };
    assert_eq!(read_once, (is_question, is_purge_question));
    answer(text) || is_question || is_purge_question
}

/// The name of a source becomes part of a key of the store.
fn purge_question(text: &str) -> bool {
    let Ok(read) = PurgeQuestion::read(text) else { return false };
    assert!(text.len() <= MAX_QUESTION_BYTES);
    assert_eq!(base64url::decode(&read.id).map(|octets| octets.len()), Some(32));
    assert!(
        read.id.len() == 43
            && read.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    assert_eq!(PurgeQuestion::read(&read.write()).as_ref(), Ok(&read));
    true
}

fn question(text: &str) -> bool {
    let Ok(read) = Question::read(text) else { return false };
    assert!(text.len() <= MAX_QUESTION_BYTES);
    let request = &read.request;
    assert!(accept(&request.url).is_ok() && request.url.len() <= MAX_URL_BYTES);
    assert!(request.if_none_match.as_ref().is_none_or(|etag| etag.len() <= MAX_ETAG_BYTES));
    assert!(request.channel.as_ref().is_none_or(|name| name.len() <= MAX_URL_BYTES));
    assert!((1..=FETCH_TIMEOUT_RANGE_MS.1).contains(&request.timeout_ms.into()));
    assert!(request.max_age_seconds <= MAX_SHARED_SECONDS);
    assert_eq!(request.max_bytes, MAX_JWKS_BYTES);
    let written = Question::write(request);
    // An isolate writes absent members as null, so a text at the limit may become longer than the limit.
    if written.len() <= MAX_QUESTION_BYTES {
        assert_eq!(Question::read(&written).as_ref(), Ok(&read));
    }
    true
}

fn answer(text: &str) -> bool {
    let Ok(read) = Answer::read(text) else { return false };
    assert!(text.len() <= MAX_ANSWER_BYTES);
    match &read {
        Answer::Document { document, .. } => {
            assert!((100..=599).contains(&document.status) && document.body.len() <= MAX_JWKS_BYTES);
            assert!(headers(document).into_iter().flatten().all(|value| value.len() <= MAX_URL_BYTES));
            assert_eq!(document.age_seconds, None, "only a cache nearby has an age");
        }
        Answer::Failed { error, .. } => assert!(reason(error).chars().count() <= MAX_FAILURE_REASON_CHARS),
        Answer::Refused(reason) => assert!(reason.chars().count() <= MAX_FAILURE_REASON_CHARS),
        _ => {}
    }
    let written = read.write();
    // The same for a body that is text here and was in base64url, and for headers of control characters.
    if written.len() <= MAX_ANSWER_BYTES {
        assert_eq!(Answer::read(&written).as_ref(), Ok(&read));
    }
    true
}

/// The coordinator relays any answer of an origin unchanged, without headers that are too long.
fn relayed(data: &[u8]) {
    let (head, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    if body.len() > MAX_JWKS_BYTES {
        return;
    }
    let head = String::from_utf8_lossy(head);
    let fields: Vec<&str> = head.split('|').collect();
    let header =
        |index: usize| fields.get(index).filter(|text| !text.is_empty()).map(|text| (*text).to_owned());
    let document = Document {
        status: header(0)
            .and_then(|status| status.parse().ok())
            .filter(|status| (100..=599).contains(status))
            .unwrap_or(200),
        etag: header(1),
        cache_control: header(2),
        content_type: header(3),
        date: header(4),
        location: header(5),
        body: body.to_vec(),
        age_seconds: Some(7),
    };
    let short = |value: &Option<String>| value.clone().filter(|value| value.len() <= MAX_URL_BYTES);
    let expected = Document {
        etag: short(&document.etag),
        cache_control: short(&document.cache_control),
        content_type: short(&document.content_type),
        date: short(&document.date),
        location: short(&document.location),
        age_seconds: None,
        ..document.clone()
    };
    let sent = |document| Answer::Document { document: Arc::new(document), age_seconds: 3, is_news: true };
    assert_eq!(Answer::read(&sent(document).write()), Ok(sent(expected)));
}

/// A failure is read as it was written, shortened.
fn failed(text: &str) {
    let short: String = text.chars().take(MAX_FAILURE_REASON_CHARS).collect();
    for kind in [FetchError::Unreachable, FetchError::NoChannel, FetchError::OwnNetwork] {
        let sent =
            |reason: &str| Answer::Failed { error: kind(reason.to_owned()), age_seconds: 0, is_news: false };
        assert_eq!(Answer::read(&sent(text).write()), Ok(sent(&short)));
    }
}

/// An isolate's question about any URL that may be fetched is understood, with any `ETag` that is stored.
fn asked(text: &str) {
    let (url, etag) = text.split_once('\n').unwrap_or((text, ""));
    if accept(url).is_err() || etag.len() > MAX_ETAG_BYTES {
        return;
    }
    let request = DocumentRequest {
        url: url.to_owned(),
        channel: None,
        accept: ACCEPT_DOCUMENT,
        if_none_match: Some(etag.to_owned()),
        timeout_ms: 5000,
        max_bytes: MAX_JWKS_BYTES,
        max_age_seconds: MAX_SHARED_SECONDS,
    };
    assert_eq!(Question::read(&Question::write(&request)).map(|read| read.request), Ok(request));
}

fn headers(document: &Document) -> [&Option<String>; 5] {
    let Document { etag, cache_control, content_type, date, location, .. } = document;
    [etag, cache_control, content_type, date, location]
}

fn reason(error: &FetchError) -> &str {
    match error {
        FetchError::Unreachable(reason) | FetchError::NoChannel(reason) | FetchError::OwnNetwork(reason) => {
            reason
        }
        FetchError::Timeout(_) | FetchError::TooLarge(_) | FetchError::HeldBack(_) => "",
    }
}
