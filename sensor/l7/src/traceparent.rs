//! W3C Trace Context, level 1, section 3.2: the `traceparent` field, strictly.
use guardbee_model::id::{SpanId, TraceId};

/// What a traceparent says. A claim by whoever sent it; its sampled flag is nothing to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// Which trace.
    pub trace: TraceId,
    /// The sender's span.
    pub parent: SpanId,
}

/// [`None`]: not valid, to be treated as if it were not there.
pub fn parse(value: &[u8]) -> Option<Traceparent> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.splitn(5, '-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex_pair =
        |part: &str| part.len() == 2 && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hex_pair(version)
        || version == "ff"
        || !hex_pair(flags)
        || (version == "00" && parts.next().is_some())
    {
        return None;
    }
    let (trace, parent) = (TraceId::from_hex(trace)?, SpanId::from_hex(parent)?);
    (!trace.is_zero() && !parent.is_zero()).then_some(Traceparent { trace, parent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let valid = format!("00-{trace}-00f067aa0ba902b7-00");
        assert_eq!(parse(valid.as_bytes()).unwrap().trace.to_string(), trace);
        assert!(parse(format!("01-{trace}-00f067aa0ba902b7-01-more").as_bytes()).is_some());
        for bad in [
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("00-{trace}-00f067aa0ba902b7-01-more"),
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-00f067aa0ba902b7-1"),
            format!(" 00-{trace}-00f067aa0ba902b7-01"),
            format!("{valid}, {valid}"),
            String::new(),
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
