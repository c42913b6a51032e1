//! What a refusal means for the caller.

/// What the caller does about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// No answer, or one that is not the service's: retry with back-off.
    Network,
    /// The service has trouble: retry with back-off.
    Server,
    /// The logstore takes no more for now: retry with back-off, and slow down what goes to the logstore.
    QuotaLogstore,
    /// The project takes no more for now: retry with back-off, and slow down what goes to the project.
    QuotaProject,
    /// The access key is missing or refused: retry with back-off and alarm. The key may be replaced.
    Credentials,
    /// The project, the logstore or a shard is not there, or closed to the account: retry with back-off and alarm.
    Missing,
    /// The time of the request was refused, and the clock is corrected: retry at once, three times at most.
    Clock,
    /// The service does not like a parameter: five tries, then to the dead letters.
    Parameter,
    /// The service cannot read the body: split it once, or else to the dead letters.
    Invalid,
    /// The body is too large: split it, or else to the dead letters.
    TooLarge,
    /// The agent made a request that it should not make: keep the data and alarm.
    Odd,
    /// Something that nobody knows: five tries, then to the dead letters.
    Unknown,
}

impl Class {
    /// The class of an error that the service named. The status decides about codes that are not known.
    pub fn of(status: u16, code: &str) -> Self {
        let known = CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code));
        let begins = |prefix: &str| code.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
        let family = || FAMILIES.iter().find(|(prefix, _)| begins(prefix));
        known.or_else(family).map_or_else(|| Self::of_status(status), |(_, class)| *class)
    }

    /// The class of a status, for an error without a code that is known.
    ///
    /// What cannot be accepted now but may be later is never given up: 401, 403 and 404 are kept, as those codes are.
    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Credentials,
            403 | 404 => Self::Missing,
            413 => Self::TooLarge,
            429 | 500.. => Self::Server,
            400..500 => Self::Unknown,
            _ => Self::Network,
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Network => "check the network, the endpoint and the proxy",
            Self::Server => "the service is expected to recover by itself",
            Self::QuotaLogstore => "split shards of the logstore, or send less",
            Self::QuotaProject => "have the quota of the project raised, or send less",
            Self::Credentials => "check the access key and its permissions",
            Self::Missing => {
                "check the names of project and logstore, the permissions of the access key and the account"
            }
            Self::Clock => "check the clock of this machine",
            Self::Parameter => "check the parameters of the flusher",
            Self::Invalid => "the data goes to the dead letters if it cannot be split",
            Self::TooLarge => "the data goes to the dead letters if it cannot be split",
            Self::Odd => "this is a defect of the agent; the data is kept",
            Self::Unknown => "look the code up in the documentation of the service",
        }
    }
}

/// Error codes of the service.
const CODES: &[(&str, Class)] = &[
    ("RequestTimeout", Class::Network),
    ("RequestError", Class::Network),
    ("ClientOperationTimeout", Class::Network),
    ("ClientOpertaionTimeout", Class::Network),
    ("BadResponse", Class::Network),
    ("InternalServerError", Class::Server),
    ("ServerBusy", Class::Server),
    ("ShardWriteQuotaExceed", Class::QuotaLogstore),
    ("WriteQuotaExceed", Class::QuotaProject),
    ("ExceedQuota", Class::QuotaProject),
    ("ProjectQuotaExceed", Class::QuotaProject),
    ("Unauthorized", Class::Credentials),
    ("SignatureNotMatch", Class::Credentials),
    ("InvalidAccessKeyId", Class::Credentials),
    ("MissAccessKeyId", Class::Credentials),
    ("ProjectNotExist", Class::Missing),
    ("LogStoreNotExist", Class::Missing),
    ("ProjectForbidden", Class::Missing),
    ("LogStoreWithoutShard", Class::Missing),
    ("ShardNotExist", Class::Missing),
    ("RequestTimeExpired", Class::Clock),
    ("RequestTimeTooSkewed", Class::Clock),
    ("ParameterInvalid", Class::Parameter),
    ("PostBodyTooLarge", Class::TooLarge),
    ("PostBodyInvalid", Class::Invalid),
    ("PostBodyUncompressError", Class::Invalid),
    ("InvalidKey", Class::Invalid),
    ("InvalidEncoding", Class::Invalid),
    ("InvalidTimestamp", Class::Invalid),
    ("MissingBodyRawSize", Class::Odd),
    ("InvalidBodyRawSize", Class::Odd),
    ("InvalidCompressType", Class::Odd),
    // Sequence ids are never sent, so that nothing can have been written under one.
    ("InvalidSequenceId", Class::Odd),
    ("InvalidRequestTime", Class::Odd),
    ("InvalidHost", Class::Odd),
    ("InvalidDateFormat", Class::Odd),
    ("MissingHost", Class::Odd),
    ("MissingDate", Class::Odd),
    ("InvalidContentType", Class::Odd),
    ("InvalidAPIVersion", Class::Odd),
    ("MissingAPIVersion", Class::Odd),
    ("InvalidSignatureMethod", Class::Odd),
];

/// Beginnings of error codes that have many endings.
const FAMILIES: &[(&str, Class)] = &[
    ("SecurityToken", Class::Credentials),
    ("InvalidSecurityToken", Class::Credentials),
    ("InvalidAccessKeyId.", Class::Credentials),
    ("LogGroupParse", Class::Invalid),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_class() {
        use Class as C;
        for (status, class, codes) in [
            (0, C::Network, "RequestTimeout RequestError ClientOpertaionTimeout BadResponse"),
            (500, C::Server, "InternalServerError"),
            (503, C::Server, "ServerBusy"),
            (403, C::QuotaLogstore, "ShardWriteQuotaExceed"),
            (403, C::QuotaProject, "WriteQuotaExceed ExceedQuota ProjectQuotaExceed"),
            (401, C::Credentials, "Unauthorized SignatureNotMatch InvalidAccessKeyId MissAccessKeyId"),
            (403, C::Credentials, "SecurityToken.Expired securitytokenexpired InvalidAccessKeyId.Inactive"),
            (400, C::Parameter, "ParameterInvalid"),
            (400, C::Clock, "RequestTimeExpired RequestTimeTooSkewed"),
            (404, C::Missing, "ProjectNotExist LogStoreNotExist LogstoreNotExist ShardNotExist LogStoreWithoutShard"),
            (403, C::Missing, "ProjectForbidden AccountInArrears"),
            (400, C::Invalid, "PostBodyInvalid PostBodyUncompressError InvalidKey InvalidEncoding InvalidTimestamp"),
            (400, C::Odd, "MissingBodyRawSize InvalidBodyRawSize InvalidCompressType"),
            (400, C::Invalid, "LogGroupParseError"),
            (413, C::TooLarge, "PostBodyTooLarge"),
            (400, C::Odd, "InvalidRequestTime InvalidHost InvalidDateFormat MissingHost MissingDate"),
            (400, C::Odd, "InvalidContentType InvalidAPIVersion InvalidSignatureMethod InvalidSequenceId"),
        ] {
            for code in codes.split(' ') {
                assert_eq!(Class::of(status, code), class, "{code}");
            }
        }
    }

    #[test]
    fn the_code_decides_and_not_the_status() {
        for status in [0, 200, 400, 401, 404, 500, 503] {
            for (code, class) in CODES {
                assert_eq!(Class::of(status, code), *class, "{status} {code}");
            }
        }
    }

    #[test]
    fn the_status_decides_about_codes_that_nobody_knows() {
        for (status, class) in [
            (400, Class::Unknown),
            (401, Class::Credentials),
            (403, Class::Missing),
            (404, Class::Missing),
            (409, Class::Unknown),
            (413, Class::TooLarge),
            (429, Class::Server),
            (500, Class::Server),
            (599, Class::Server),
            (302, Class::Network),
        ] {
            for code in ["", "Whatever", "SecurityToke", "日本"] {
                assert_eq!(Class::of(status, code), class, "{status} {code}");
            }
        }
    }
}
