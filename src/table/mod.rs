//! Tables: what a cell means, and how files hold cells.
