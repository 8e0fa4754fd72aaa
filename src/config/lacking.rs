//! The fields of the parts that this build lacks. A configuration that uses one is refused, because the Worker would not do what it says.

use super::fields::ROOT;
use super::reader::Table;

/// The problem of such a field.
pub(super) const NO_EXCHANGE: &str = "needs the token exchange, which this build lacks";
/// Its fix.
pub(super) const USE_THE_WHOLE: &str =
    "import \"edge-assay\" in place of \"edge-assay/gateway\", or remove it";

/// Reports a fault for each field at the root that is of a part that this build lacks.
pub(super) fn check(root: &Table<'_>) {
    if root.read(&ROOT.exchange).is_some() {
        root.fault(ROOT.exchange.name, NO_EXCHANGE, USE_THE_WHOLE);
    }
}
