//! Every sender, against a real server or against what its documentation says it answers.

mod aliyun;
mod endpoint;
mod mail;
mod smtp;
