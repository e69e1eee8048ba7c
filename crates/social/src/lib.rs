//! Who follows whom, and who wants to hear nothing of whom.
