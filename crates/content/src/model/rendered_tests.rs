use proptest::prelude::*;

use super::*;
use crate::model::MAX_CONTENT;

fn render(format: Format, source: &str) -> Rendered {
    Rendered::of(&Body::unfinished(format, source.to_owned()).unwrap()).unwrap()
}

#[test]
fn markdown_has_its_extensions() {
    let source = "# 标题\n\n~~旧~~ [^1]\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n```rust\nfn main() {}\n```\n\n[^1]: 注";
    let rendered = render(Format::Markdown, source);
    let html = rendered.html();
    for part in [
        "<h1>标题</h1>",
        "<del>旧</del>",
        "<table>",
        "type=\"checkbox\"",
        "disabled=\"\"",
        "checked=\"\"",
        "class=\"language-rust\"",
        "href=\"#fn-1\"",
        "id=\"fn-1\"",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(rendered.excerpt().starts_with("标题 旧"));
}

/// What browsers have run although it does not look like a script.
const ATTACKS: [&str; 24] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\" java\tscript:alert(1)\">x</a>",
    "<a href=\"&#106;avascript:alert(1)\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<iframe src=\"https://evil.example\"></iframe>",
    "<object data=\"evil.swf\"></object>",
    "<embed src=\"evil.swf\">",
    "<form action=\"https://evil.example\"><input name=\"password\" type=\"password\" autofocus onfocus=alert(1)></form>",
    "<style>body{background:url(javascript:alert(1))}</style>",
    "<p style=\"background:url(javascript:alert(1))\">x</p>",
    "<math><mtext></p><style><img src onerror=alert(1)></style></mtext></math>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    "<meta http-equiv=\"refresh\" content=\"0;url=https://evil.example\">",
    "<base href=\"https://evil.example\">",
    "<div id=\"location\">x</div>",
    "<template><script>alert(1)</script></template>",
    "[x](javascript:alert(1))",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
];

#[test]
fn attacks_come_out_harmless() {
    for attack in ATTACKS {
        for format in Format::ALL {
            let rendered = render(format, &format!("{attack}\n\n{}", "text ".repeat(100)));
            for html in [rendered.html(), rendered.preview()] {
                let tags: Vec<&str> = html.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
                for tag in tags {
                    let lower = tag.to_lowercase();
                    let bad = [" on", "javascript:", "style=", "data:", "id=\"location", "password", "srcdoc"];
                    assert!(bad.iter().all(|bad| !lower.contains(bad)), "{attack} gave {html}");
                    let name = lower.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
                    let refused = [
                        "script", "style", "iframe", "object", "embed", "form", "svg", "math", "meta", "base",
                        "template", "noscript",
                    ];
                    assert!(!refused.contains(&name), "{attack} gave {html}");
                }
            }
        }
    }
}

#[test]
fn a_short_text_is_not_given_away() {
    for source in ["短", "四个汉字", "Buy at 42.", "![all of it](https://example.com/a.png)", "<b>1234567890</b>"]
    {
        let rendered = render(Format::Markdown, source);
        let whole = plain_text(rendered.html());
        assert!(whole.is_empty() || !plain_text(rendered.preview()).contains(&whole), "{source}");
        assert!(!rendered.preview().contains("<img"), "{source}");
        assert!(whole.is_empty() || !rendered.teaser().contains(&whole), "{source}");
    }
}

#[test]
fn pictures_are_kept_back_like_text() {
    let source = format!("{}\n\n{}", "五十个字。".repeat(10), "![x](https://example.com/a.png)\n\n".repeat(10));
    let rendered = render(Format::Markdown, &source);
    assert_eq!(rendered.preview(), "<p>五十个字。五十个字。…</p>");
    let album = render(Format::Markdown, &"![x](https://example.com/a.png)\n\n".repeat(10));
    assert_eq!(album.preview().matches("<img").count(), 2);
}

#[test]
fn a_preview_is_whole_blocks() {
    let source = format!("# 引言\n\n第一段。\n\n**第二段**。\n\n{}", "长文。".repeat(400));
    let rendered = render(Format::Markdown, &source);
    assert!(rendered.preview().starts_with("<h1>引言</h1>\n<p>第一段。</p>\n<p><strong>第二段</strong>。</p>"));
    assert!(rendered.preview().chars().count() < 600);
    assert_eq!(rendered.excerpt().chars().filter(|c| !c.is_whitespace()).count(), 201);
}

#[test]
fn a_teaser_never_goes_beyond_the_preview() {
    // The preview ends with the short beginning: there would be room for more in a fifth.
    let source = format!("{}\n\n{}", "短的开头。".repeat(8), "秘密的长文。".repeat(50));
    let rendered = render(Format::Markdown, &source);
    assert_eq!(rendered.preview(), format!("<p>{}</p>", "短的开头。".repeat(8)));
    assert_eq!(rendered.teaser(), format!("{}…", "短的开头。".repeat(8)));
    let album = render(Format::Markdown, &format!("![x](https://example.com/a.png)\n\n{}", "长文。".repeat(100)));
    assert_eq!((album.preview(), album.teaser()), ("", ""));
}

#[test]
fn a_text_as_deep_as_a_pit_is_refused() {
    let n = 100_000;
    for (format, source) in [
        (Format::Html, "<div>".repeat(n)),
        (Format::Html, "<b title=\"</b>\">".repeat(n / 4)),
        (Format::Html, "<b><script></b></script>".repeat(n / 8)),
        (Format::Html, "<b><!--</b>-->".repeat(n / 4)),
        (Format::Markdown, ">".repeat(n)),
        (Format::Markdown, "<i>".repeat(n)),
    ] {
        let body = Body::parse(format, source).unwrap();
        assert_eq!(Rendered::of(&body), Err(TooDeep));
    }
    let list = "- item\n".repeat(n);
    assert!(Rendered::of(&Body::parse(Format::Markdown, list).unwrap()).is_ok());
    assert!(Rendered::of(&Body::parse(Format::Html, "<p>x".repeat(1000)).unwrap()).is_ok());
}

#[test]
fn breaks_for_the_serialiser_do_not_show() {
    for unit in ["&amp;", "£", "word &lt; ", "投资", "x"] {
        let source = unit.repeat(20_000);
        let rendered = render(Format::Html, &source);
        assert_eq!(rendered.html(), source.replace('\u{a0}', "&nbsp;"), "{unit}");
    }
    let long = format!("<a title=\"{}\">x</a>", "&amp;".repeat(5000));
    assert!(!render(Format::Html, &long).html().contains("title"));
}

/// With an answer that is looked for in the whole rest at each character this takes minutes.
#[test]
fn a_long_text_of_references_takes_no_quadratic_time() {
    let rendered = render(Format::Markdown, &"&amp;".repeat(MAX_CONTENT / 5));
    assert_eq!(rendered.html().matches("&amp;").count(), MAX_CONTENT / 5);
}

proptest! {
    #[test]
    fn a_preview_never_holds_the_whole_text(source in "([a-z一-龥<>&#*`|\\[\\]()!\"'\n -]|<p>|</p>|<b>|\n\n|# |> ){0,400}", html in any::<bool>()) {
        let format = if html { Format::Html } else { Format::Markdown };
        let Ok(rendered) = Rendered::of(&Body::unfinished(format, source).unwrap()) else { return Ok(()) };
        let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let whole = visible(&plain_text(rendered.html()));
        let shown = visible(&plain_text(rendered.preview()));
        // The "…" of a cut is one more.
        prop_assert!(shown <= whole / 5 + 1 && shown <= PREVIEW_CHARS + 1, "{shown} of {whole}");
        prop_assert!(whole == 0 || shown < whole || whole < 2);
        let beginning = rendered.teaser().strip_suffix('…').unwrap_or_default();
        prop_assert!(plain_text(rendered.preview()).starts_with(beginning), "{}", rendered.teaser());
        prop_assert!(visible(rendered.teaser()) <= whole / 5 + 1);
        prop_assert!(visible(rendered.excerpt()) <= EXCERPT_CHARS + 1);
        prop_assert_eq!(SANITISER.clean(rendered.html()).to_string(), rendered.html());
        let again = SANITISER.clean(rendered.preview()).to_string();
        prop_assert_eq!(again.trim(), rendered.preview());
    }

    #[test]
    fn any_characters_render(source in "\\PC{0,300}") {
        prop_assume!(!source.contains('\0'));
        for format in Format::ALL {
            let rendered = render(format, &source);
            prop_assert!(!rendered.html().to_lowercase().contains("<script"));
        }
    }
}
