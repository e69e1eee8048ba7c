//! The page that a payer sees. It needs no script and no style, so that the strictest
//! content security policy lets it through.

use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::sandbox::SandboxPayment;
use sharestack_kernel::money::{Currency, Money};

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The amount as people write it: `19.90 CNY`.
fn written(money: Money) -> String {
    let (amount, currency) = (money.amount(), money.currency());
    match currency {
        Currency::Jpy => format!("{amount} {currency}"),
        _ => format!("{}.{:02} {currency}", amount / 100, amount % 100),
    }
}

/// The page of one payment. Its buttons, which are there while it can be paid, post `result=success` or `result=fail` to the
/// page's own address.
pub fn page(payment: &SandboxPayment) -> String {
    let state = match payment.state {
        _ if payment.closed_at.is_some() => "Closed. The order was given up and can no longer be paid.",
        PaymentState::Succeeded => "Paid.",
        PaymentState::Failed => "Failed. You can try again.",
        _ => "Waiting for payment.",
    };
    let buttons = if payment.state == PaymentState::Succeeded || payment.closed_at.is_some() {
        ""
    } else {
        r#"<form method="post">
<button type="submit" name="result" value="success">pay</button>
<button type="submit" name="result" value="fail">fail</button>
</form>
"#
    };
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Sandbox payment</title>
</head>
<body>
<main>
<h1>Sandbox payment</h1>
<p>No money moves here.</p>
<dl>
<dt>For</dt><dd>{subject}</dd>
<dt>Amount</dt><dd>{amount}</dd>
<dt>Order</dt><dd>{order}</dd>
<dt>State</dt><dd>{state}</dd>
</dl>
{buttons}</main>
</body>
</html>
"#,
        subject = escape(&payment.subject),
        amount = written(payment.amount),
        order = escape(payment.order_number.as_str()),
    )
}
