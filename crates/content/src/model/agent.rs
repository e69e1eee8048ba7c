//! Programs that read without anybody who looks.

/// What such programs have in their names: crawlers, makers of previews of links, watchers of
/// servers, and browsers that nobody sits before. Libraries that fetch are not among them, because
/// people's own apps are made with them.
const WORDS: [&str; 28] = [
    "crawl",
    "spider",
    "slurp",
    "scrapy",
    "archiver",
    "preview",
    "facebookexternalhit",
    "facebookcatalog",
    "mediapartners-google",
    "google-inspectiontool",
    "googleother",
    "google-read-aloud",
    "feedfetcher",
    "feedburner",
    "apis-google",
    "lighthouse",
    "page speed",
    "pagespeed",
    "ptst/",
    "headless",
    "phantomjs",
    "pingdom",
    "uptime",
    "monitor",
    "nagios",
    "zgrab",
    "whatsapp/",
    "chatgpt-user",
];

/// Whether a program (`User-Agent`) says that it is a bot. One that says nothing of itself does not.
pub fn is_bot(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    // Cubot makes phones.
    let bot = agent.match_indices("bot").any(|(at, _)| !agent[..at].ends_with("cu"));
    bot || WORDS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_say_what_they_are() {
        for agent in [
            "Googlebot/2.1 (+http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
            "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
            "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
            "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Twitterbot/1.0",
            "WhatsApp/2.23.20.0",
            "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            "UptimeRobot/2.0",
            "ia_archiver (+http://www.alexa.com/site/help/webmasters)",
        ] {
            assert!(is_bot(agent), "{agent}");
        }
    }

    #[test]
    fn browsers_and_apps_are_no_bots() {
        for agent in [
            "",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/116.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Mobile Safari/537.36 MicroMessenger/8.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "okhttp/4.12.0",
            "Dart/3.4 (dart:io)",
            "curl/8.5.0",
        ] {
            assert!(!is_bot(agent), "{agent}");
        }
    }
}
