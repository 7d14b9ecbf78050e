//! What the shop's documents say to a question: searched in this isolate's index, and with a model's host weighed by a cheap model.

use futures::future::{Either, select};
use futures::stream::StreamExt;

use super::answering::{Said, Source};
use super::index::{Document, Hit, Index};
use super::question::is_japanese;
use super::relevance;
use crate::admission::Budget;
use crate::admission::message::Limits;
use crate::config::Target;
use crate::counter::Counter;
use crate::error::ApiError;
use crate::fanout::bounded;
use crate::upstream::call::Wait;

/// The most passages weighed for one question.
const WEIGHED: usize = 20;
/// Past this the search's order stands, in milliseconds.
const WEIGHING_MS: u64 = 2_500;
/// A model weighs what the search thinks little of, too: it reads better than the search does.
const NEARLY: f64 = 0.0;
/// Below this relevance a passage is left out.
const IRRELEVANT: f64 = 0.3;

/// The passages of the shop's documents that bear on a question asked after `history`, best first, at most `limit`.
///
/// # Errors
/// `knowledge_unavailable` while the documents cannot be had.
pub async fn find(
    counter: &Counter,
    question: &str,
    history: &[Said],
    limit: usize,
    request_id: &str,
    party: u64,
) -> Result<Vec<Source>, ApiError> {
    let index = counter.world.knowledge(false).await?;
    let hits = candidates(counter, &index.borrow(), question, history);
    Ok(best(counter, question, hits, limit, request_id, party).await)
}

/// The same of documents that a caller gave. They are told by their places: two may have one id.
pub async fn find_among(
    counter: &Counter,
    documents: Vec<Document>,
    question: &str,
    limit: usize,
    request_id: &str,
    party: u64,
) -> Vec<Source> {
    let ids: Vec<String> = documents.iter().map(|d| d.id.clone()).collect();
    let placed = documents.into_iter().enumerate().map(|(at, d)| Document { id: at.to_string(), ..d });
    let index = Index::new(counter.world.vocabulary().await, placed);
    let hits = candidates(counter, &index, question, &[]);
    let mut sources = best(counter, question, hits, limit, request_id, party).await;
    for source in &mut sources {
        if let Some(id) = source.id.parse().ok().and_then(|at: usize| ids.get(at)) {
            source.id.clone_from(id);
        }
    }
    sources
}

/// The route that weighs; without one of that name the search's order stands.
const ROUTE: &str = "analysis";
/// Weighing ends when this part of a minute's calls is spent, by it and by answers; one question's takes no more than this part of a
/// minute's tokens. Each is one in so many.
const OF_CALLS: u64 = 4;
const OF_TOKENS: u64 = 20;

fn weighs(counter: &Counter) -> bool {
    counter.config.has_route(ROUTE)
}

/// How many passages may be weighed within limits that answers need more; none where the hosts that would have kept failing.
fn affordable(counter: &Counter) -> usize {
    let budget = Budget::upstream(&counter.config);
    let now = counter.world.now_ms();
    let well = |target: &Target| counter.learned.passes(target, now, budget.as_ref());
    if !counter.config.targets(ROUTE).iter().any(well) {
        return 0;
    }
    let Some(budget) = budget else { return WEIGHED };
    if counter.learned.is_rushed(&budget) {
        return 0;
    }
    let Limits { permits, tokens, .. } = budget.limits;
    let remaining = counter.learned.standing(&budget).map_or(u64::from(permits), |standing| standing.remaining);
    let spare = match u64::from(permits) {
        0 => u64::MAX,
        limit => remaining.saturating_sub(limit - limit / OF_CALLS),
    };
    let of_tokens = match u64::from(tokens) {
        0 => u64::MAX,
        limit => limit / OF_TOKENS / relevance::LARGEST_WEIGHING,
    };
    spare.min(of_tokens).min(WEIGHED as u64) as usize
}

/// What the search finds: with a model to weigh it whatever is near, without one what bears.
fn candidates(counter: &Counter, index: &Index, question: &str, history: &[Said]) -> Vec<Hit> {
    let search = |text: &str| {
        if !weighs(counter) {
            return understood(question, index.bearing(text, WEIGHED));
        }
        let mut hits = index.search(text, WEIGHED);
        hits.retain(|h| h.score >= NEARLY);
        hits
    };
    let mut hits = Vec::new();
    for (at, text) in searches(question, history).into_iter().enumerate() {
        let found = search(&text);
        let bears = found.iter().any(Hit::bears);
        if at == 0 || bears {
            hits = found;
        }
        if bears {
            break;
        }
    }
    hits
}

async fn best(
    counter: &Counter,
    question: &str,
    mut hits: Vec<Hit>,
    limit: usize,
    request_id: &str,
    party: u64,
) -> Vec<Source> {
    // One alone that bears needs no weighing.
    if weighs(counter) && (hits.len() > 1 || !hits.iter().all(Hit::bears)) {
        // Twenty calls for one question are no good use of a limit that is too small for the questions themselves.
        match affordable(counter) {
            most if most < hits.len().min(2) => {
                hits.retain(Hit::bears);
                hits = understood(question, hits);
            }
            most => hits = weigh(counter, question, hits, most, request_id, party).await,
        }
    }
    hits.truncate(limit);
    hits.into_iter().map(Source::from).collect()
}

/// What to search for, in the order to try: a question that points back is searched first with the words asked before it.
fn searches(question: &str, history: &[Said]) -> Vec<String> {
    let before: Vec<&str> =
        history.iter().rev().filter(|said| said.role == "user").map(|said| said.content.as_str()).take(2).collect();
    let alone = question.to_owned();
    let Some(last) = before.first() else { return vec![alone] };
    let joined = format!("{last} {question}");
    let mut all = if points_back(question) { vec![joined, alone] } else { vec![alone, joined] };
    all.extend(before.get(1).map(|earlier| format!("{earlier} {last} {question}")));
    all
}

/// Whether a question names its subject only by pointing at the turn before: "それはいくらですか", "And how much is it?"
fn points_back(question: &str) -> bool {
    const JAPANESE: [&str; 10] = ["それ", "その", "これ", "この", "あれ", "そちら", "そこ", "じゃあ", "では", "ほかに"];
    const ENGLISH: [&str; 9] = ["it", "its", "that", "this", "those", "these", "they", "them", "there"];
    let question = question.trim();
    if !question.is_ascii() {
        return JAPANESE.iter().any(|word| question.starts_with(word)) || question.chars().count() <= 6;
    }
    let words: Vec<String> = question
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.len() <= 2 || words.iter().any(|w| ENGLISH.contains(&w.as_str()))
}

/// Orders hits by what a cheap model thinks of the first ones, all at once. The others, and those that it has not told of in time, keep
/// the search's word.
async fn weigh(
    counter: &Counter,
    question: &str,
    hits: Vec<Hit>,
    most: usize,
    request_id: &str,
    party: u64,
) -> Vec<Hit> {
    let texts = hits.iter().take(most).map(|h| match &h.title {
        Some(title) => format!("{title}\n{}", h.passage),
        None => h.passage.clone(),
    });
    let jobs: Vec<_> =
        texts.map(|text| relevance::weighing(ROUTE, question, &text, request_id, Wait::batch(party, 0))).collect();
    let count = jobs.len();
    let mut results = bounded::run(counter, jobs, count, request_id);
    let mut told: Vec<Option<f64>> = vec![None; hits.len()];
    let mut over = counter.world.sleep(WEIGHING_MS);
    while let Either::Left((Some((at, outcome)), rest)) = select(results.next(), over).await {
        over = rest;
        if let Some(place) = told.get_mut(at) {
            *place = relevance::Reading::of(&outcome).relevance;
        }
    }
    order(question, hits, &told)
}

/// Where pages in the question's language bear on it they come first, and one in another language only if it bears more than they do: a
/// model could translate it, but a shopper is shown it as it is.
fn understood(question: &str, hits: Vec<Hit>) -> Vec<Hit> {
    let japanese = is_japanese(question);
    let (mut own, mut foreign): (Vec<Hit>, Vec<Hit>) =
        hits.into_iter().partition(|hit| is_japanese(&hit.passage) == japanese);
    match own.first().filter(|hit| hit.bears()).map(|hit| hit.score) {
        Some(most) => {
            foreign.retain(|hit| hit.score > most);
            own.extend(foreign);
            own
        }
        None => foreign.into_iter().chain(own).collect(),
    }
}

/// The search's order where nothing was told; else by what was told, and where it is the same, by the search.
fn order(question: &str, hits: Vec<Hit>, told: &[Option<f64>]) -> Vec<Hit> {
    if told.iter().all(Option::is_none) {
        return understood(question, hits.into_iter().filter(Hit::bears).collect());
    }
    let mut weighed: Vec<(f64, Hit)> = hits
        .into_iter()
        .zip(told)
        .filter_map(|(hit, told)| match told {
            Some(relevance) => (*relevance >= IRRELEVANT).then_some((*relevance, hit)),
            None => hit.bears().then_some((hit.score, hit)),
        })
        .collect();
    crate::order::sort_by(&mut weighed, |a, b| b.0.total_cmp(&a.0));
    weighed.into_iter().map(|(_, hit)| hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, score: f64) -> Hit {
        Hit { id: id.into(), title: None, url: None, passage: id.into(), score }
    }

    fn ordered(told: &[Option<f64>]) -> Vec<String> {
        order("a?", vec![hit("a", 0.9), hit("b", 0.8), hit("c", NEARLY)], told).into_iter().map(|h| h.id).collect()
    }

    #[test]
    fn a_question_that_points_back_is_searched_with_the_words_before_it_first() {
        let said = |role, content: &str| Said { role, content: content.into() };
        let history = [said("user", "炊飯土鍋について教えて"), said("assistant", "3合の土鍋です。")];
        let first = |question: &str| searches(question, &history).remove(0);
        assert_eq!(first("それはいくらですか"), "炊飯土鍋について教えて それはいくらですか");
        assert_eq!(first("返品の送料は誰が払いますか"), "返品の送料は誰が払いますか");
        assert_eq!(searches("How much is it?", &[said("user", "the donabe")]).remove(0), "the donabe How much is it?");
        assert_eq!(searches("それはいくらですか", &[]), ["それはいくらですか"]);
    }

    #[test]
    fn a_page_in_the_questions_language_goes_before_another_that_bears_on_it_no_more() {
        let ids = |question: &str, hits: &[(&str, f64)]| {
            let hits = hits.iter().map(|(id, score)| hit(id, *score)).collect();
            understood(question, hits).into_iter().map(|h| h.id).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids("An invoice?", &[("en", 0.9), ("請求書", 0.8), ("also", 0.6)]), "en also");
        assert_eq!(ids("An invoice?", &[("請求書", 0.9), ("en", 0.6)]), "en 請求書");
        assert_eq!(ids("In stock?", &[("在庫", 0.9), ("en", 0.4)]), "在庫 en");
        assert_eq!(ids("在庫は", &[("stock", 0.9), ("在庫", 0.9), ("stores", 0.4)]), "在庫");
    }

    #[test]
    fn what_the_model_told_orders_and_the_searchs_order_stands_where_it_told_nothing() {
        assert_eq!(ordered(&[Some(0.1), Some(0.6), Some(1.0)]), ["c", "b"]);
        assert_eq!(ordered(&[None, None, None]), ["a", "b"]);
        assert_eq!(ordered(&[Some(0.5), None, None]), ["b", "a"]);
    }
}
