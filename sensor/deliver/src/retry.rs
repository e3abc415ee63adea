//! What a failed export means: try again, or count the loss.
//!
//! A gRPC code alone misleads: a receiver that refuses our certificate shows as UNKNOWN or CANCELLED. So a status that has
//! a transport error among its causes is judged as that, and kept; only the receiver's own words go by the table of the
//! OTLP specification (1.10, "Failures").
use crate::tls::{self, Files};
use prost::Message as _;
use std::{
    error::Error as _,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};
use tonic::{Code, Status};

/// Longest wait that a receiver can ask for.
const LONGEST_DELAY: Duration = Duration::from_mins(10);

/// Why an export did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Kept, tried again.
    Retry {
        /// For people.
        reason: String,
        /// The receiver's wish; [`None`]: backoff.
        after: Option<Duration>,
        /// The connection is of no use any more.
        reconnect: bool,
    },
    /// The receiver does not want these records, ever.
    Refused {
        /// For people.
        reason: String,
    },
}

/// Judges a status.
pub(crate) fn classify(status: &Status, files: Option<&Files>) -> Failure {
    if let Some(cause) = status.source() {
        let explanation = tls::explain(cause, files);
        return Failure::Retry { reason: explanation.text, after: None, reconnect: explanation.credential };
    }
    let delay = retry_delay(status.details());
    let said = format!("the receiver answered {:?}: {}", status.code(), status.message());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Failure::Retry { reason: said, after: delay, reconnect: false },
        Code::ResourceExhausted if delay.is_some() => {
            Failure::Retry { reason: said, after: delay, reconnect: false }
        }
        // The specification would drop here. But not the records are wrong, we are, and that can be mended.
        Code::Unauthenticated | Code::PermissionDenied => Failure::Retry {
            reason: format!("{said}: allow the sensor's certificate at the receiver, or replace it"),
            after: delay,
            reconnect: true,
        },
        Code::Unimplemented => Failure::Refused {
            reason: format!("{said}: does the receiver have a pipeline for this signal (traces and logs)?"),
        },
        _ => Failure::Refused { reason: said },
    }
}

/// `google.rpc.RetryInfo` in the details of a status.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    let seconds = u64::try_from(delay.seconds).ok()?;
    let nanos = u32::try_from(delay.nanos).ok().filter(|&nanos| nanos < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos).min(LONGEST_DELAY))
}

/// `google/rpc/status.proto`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

/// `google/protobuf/any.proto`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// `google/rpc/error_details.proto`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(crate) retry_delay: Option<Delay>,
}

/// `google/protobuf/duration.proto`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Delay {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

/// Waits between attempts: longer each time up to a bound, never the same for two sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// Before attempt number `failures + 1`: doubled each time, then between a half and the whole of that.
    pub(crate) fn delay(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(factor).min(self.longest);
        let random = u32::try_from(RandomState::new().hash_one(failures) & 0xffff).unwrap_or(0);
        whole / 2 + whole / 2 * random / 0xffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, Error as Tls};
    use std::{io, sync::Arc};
    use tonic::metadata::MetadataMap;

    fn retried(failure: &Failure) -> Option<&str> {
        match failure {
            Failure::Retry { reason, .. } => Some(reason),
            Failure::Refused { .. } => None,
        }
    }

    fn with_delay(code: Code, seconds: i64) -> Status {
        let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos: 0 }) };
        let any =
            Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: info.encode_to_vec() };
        let details = RpcStatus { code: code as i32, message: String::new(), details: vec![any] };
        Status::with_details_and_metadata(code, "busy", details.encode_to_vec().into(), MetadataMap::new())
    }

    #[test]
    fn codes_of_the_receiver() {
        let kept: Vec<Code> = (0..17)
            .map(Code::from)
            .filter(|&code| retried(&classify(&Status::new(code, "x"), None)).is_some())
            .collect();
        assert_eq!(
            kept,
            [
                Code::Cancelled,
                Code::DeadlineExceeded,
                Code::PermissionDenied,
                Code::Aborted,
                Code::OutOfRange,
                Code::Unavailable,
                Code::DataLoss,
                Code::Unauthenticated
            ]
        );
    }

    #[test]
    fn transport_errors_are_kept_whatever_their_code() {
        let alert = io::Error::other(Tls::AlertReceived(AlertDescription::CertificateRequired));
        let alert = Arc::new(alert);
        for code in [Code::Unknown, Code::Cancelled, Code::Internal, Code::InvalidArgument] {
            let mut status = Status::new(code, "transport error");
            status.set_source(Arc::<io::Error>::clone(&alert));
            let failure = classify(&status, None);
            assert!(
                retried(&failure).is_some_and(|reason| reason.contains("demands a client certificate")),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn the_receivers_delay_is_honoured_within_reason() {
        for (status, after) in [
            (with_delay(Code::ResourceExhausted, 7), Some(Duration::from_secs(7))),
            (with_delay(Code::Unavailable, 7), Some(Duration::from_secs(7))),
            (with_delay(Code::Unavailable, i64::MAX), Some(LONGEST_DELAY)),
            (with_delay(Code::Unavailable, -1), None),
        ] {
            assert!(
                matches!(classify(&status, None), Failure::Retry { after: a, .. } if a == after),
                "{status:?}"
            );
        }
        assert!(matches!(classify(&with_delay(Code::ResourceExhausted, -1), None), Failure::Refused { .. }));
    }

    #[test]
    fn waits_grow_to_a_bound() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        for (failures, least, most) in
            [(1, 50, 100), (2, 100, 200), (4, 400, 800), (5, 500, 1000), (99, 500, 1000)]
        {
            let delay = backoff.delay(failures).as_millis();
            assert!((least..=most).contains(&delay), "{failures}: {delay}");
        }
    }
}
