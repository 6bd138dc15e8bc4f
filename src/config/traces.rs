//! Where spans are sent.

use std::fmt;

use clap::Args;

use super::{InvalidSettings, Text, parsed};
use crate::upstream::http::BaseUrl;

/// Where spans are sent, under the names that OpenTelemetry gives these settings everywhere.
#[derive(Clone, Args)]
pub struct TraceSettings {
    /// The collector that gets spans of requests and jobs by OTLP over HTTP; without it none are sent
    #[arg(long, env, value_name = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otel_exporter_otlp_endpoint: Option<Text>,
    /// By which name the collector knows this service [default: prospector]
    #[arg(long, env, value_name = "OTEL_SERVICE_NAME")]
    otel_service_name: Option<Text>,
}

/// A collector, and how the service is called there.
#[derive(Debug, Clone)]
pub struct TraceExport {
    pub collector: BaseUrl,
    pub service_name: String,
}

impl TraceSettings {
    /// `None`: no spans are sent.
    ///
    /// # Errors
    /// The address is none.
    pub fn resolve(&self) -> Result<Option<TraceExport>, InvalidSettings> {
        let Some(endpoint) = Text::set(self.otel_exporter_otlp_endpoint.as_ref()) else {
            return Ok(None);
        };
        let service_name = Text::set(self.otel_service_name.as_ref());
        Ok(Some(TraceExport {
            collector: parsed("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)?,
            service_name: service_name.unwrap_or("prospector").to_owned(),
        }))
    }
}

impl fmt::Debug for TraceSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TraceSettings")
    }
}
