//! A report as a part of a page.
