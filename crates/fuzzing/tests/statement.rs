//! Texts that are almost SQL: the attacks and other statements, with tokens dropped, doubled, swapped
//! and put in from elsewhere. Planning never panics, never fails inside, and never gives a text in
//! which a governed table stands without its rows' rule.
//!
//! `EIDER_RANDOM_QUERIES` and `EIDER_RANDOM_SEED` make it longer or other.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]
#![allow(clippy::disallowed_methods, reason = "a test's own thread")]
#![allow(clippy::print_stdout, reason = "seeds and counts are told")]

#[path = "../../policy/tests/common/rng.rs"]
mod rng;

use fuzzing::{Outcome, Statements};
use rng::Rng;

/// Texts of an ordinary run.
const TEXTS: u64 = 20_000;

const SEED: u64 = 20_261_121;

/// Pieces that mean something to the parser, or to policy.
const PIECES: [&str; 40] = [
    " select ",
    " from ",
    " t ",
    " u ",
    " where ",
    " ( ",
    " ) ",
    " , ",
    " . ",
    " * ",
    " join ",
    " left ",
    " on ",
    " union ",
    " all ",
    " with ",
    " as ",
    " order by ",
    " limit 1 ",
    " group by ",
    " exists ",
    " in ",
    " lateral ",
    " pivot ",
    " unpivot ",
    " __eider ",
    " __eider_t0 ",
    " __eider_rid ",
    " rowid ",
    " rw ",
    " main ",
    " \"t\" ",
    " 'x' ",
    " $1 ",
    " :: ",
    " recurring ",
    " region = 'only these' ",
    " tablesample 10% ",
    " returning ",
    " update t set s = ",
];

/// Names of what there is, of what there is not, and of what is policy's own.
const NAMES: [&str; 22] = [
    " t ",
    " u ",
    " k ",
    " mine ",
    " id ",
    " s ",
    " region ",
    " amt ",
    " masked ",
    " st ",
    " l ",
    " rowid ",
    " rw ",
    " main ",
    " __eider ",
    " __eider_t0 ",
    " __eider_rid ",
    " \"T\" ",
    " c ",
    " denied ",
    " count ",
    " q ",
];

/// Statements that run as they are.
const QUERIES: &str = "
select id, upper(s) from t where amt > 5 order by id limit 3
select t.id, u.name from t join u on t.id = u.id where t.s = 'x' and u.id < 5
select u.id from u left join t on t.id = u.id where u.id in (1, 2)
select region, count(*), max(amt) from t group by region having count(*) > 1
with c as (select id, s from t) select c.id, u.name from c, u where c.id = u.id
select id from t where exists (select 1 from u where u.id = t.id) union all select id from u
select x.id from (select id, amt from t where amt between 1 and 9) x
select id, row_number() over (partition by region order by amt) as n from t
select * exclude (st) from t a
select u.id, (select max(s) from t where t.id = u.id) as m from u
select id, s from t where id = 5 order by amt desc
select count(*) from t where d > date '2020-01-01' and region = 'EU'
from t pivot (sum(amt) for region in ('EU', 'US'))
select unnest(l) as v, id from t
insert into u select id, s from t where amt > 5
insert into mine (id, name) select u.id, t.s from u, t where t.id = u.id
update t set s = u.name from u where t.id = u.id and u.id < 5
update t set amt = amt + 1 where s = 'x' returning id, masked
delete from t where id in (select id from u) returning s
create table mine as select id, s from t where amt > 5
merge into t using u on t.id = u.id when matched then update set s = u.name when not matched by source then delete
merge into t as a using (select 1 as id) b using (id) when matched and a.amt > 5 then delete returning id, masked
";

/// Statements to begin with: they are all of one line.
fn corpus() -> Vec<&'static str> {
    let attacks = include_str!("../../policy/tests/attacks.sql").lines();
    let writes = include_str!("../../policy/tests/dml/dml.sql").lines();
    let merges = include_str!("../../policy/tests/dml/merge.sql").lines();
    // About as many of those that run as of all others.
    let queries = std::iter::repeat_n(QUERIES, 40).flat_map(str::lines);
    let texts = attacks
        .chain(writes)
        .chain(merges)
        .chain(queries)
        .map(str::trim);
    texts
        .filter(|l| !l.is_empty() && !l.starts_with("--"))
        .collect()
}

/// Whether a piece is one of the corpus's names: short, and of small letters.
fn is_name(piece: &str) -> bool {
    let word = piece.trim();
    let keyword = [
        "as", "by", "in", "is", "on", "or", "and", "not", "from", "join", "left", "all", "set",
        "into", "with", "asc", "desc", "like", "case", "when", "then", "else", "end", "null", "at",
        "for", "using", "over", "table", "true",
    ];
    word.len() < 6
        && word.bytes().all(|b| b.is_ascii_lowercase())
        && !word.is_empty()
        && !keyword.contains(&word)
}

/// Words, quoted texts and single characters, blanks with what they follow.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let blanks = rest[length..].len() - rest[length..].trim_start().len();
        let (piece, after) = rest.split_at(length + blanks);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn mutated(rng: &mut Rng, corpus: &[&'static str]) -> String {
    let one = |rng: &mut Rng, of: &[&'static str]| of[rng.below(of.len())];
    let mut text = pieces(one(rng, corpus));
    for _ in 0..=rng.below(2) {
        let (at, other) = (rng.below(text.len()), rng.below(text.len()));
        let words: Vec<usize> = (0..text.len()).filter(|n| is_name(text[*n])).collect();
        match rng.below(12) {
            0..7 if !words.is_empty() => text[words[rng.below(words.len())]] = one(rng, &NAMES),
            0 if text.len() > 1 => drop(text.remove(at)),
            7 => text.insert(at, text[other]),
            8 => text.swap(at, other),
            9 => text[at] = one(rng, &PIECES),
            10 => text.insert(at, one(rng, &PIECES)),
            _ => {
                let from = pieces(one(rng, corpus));
                let begin = rng.below(from.len());
                let end = (begin + 1 + rng.below(6)).min(from.len());
                text.splice(at..at, from[begin..end].iter().copied());
            }
        }
    }
    text.concat()
}

#[test]
fn what_is_almost_sql_is_refused_or_governed() {
    let thread = std::thread::Builder::new().stack_size(tree::STACK_BYTES);
    thread.spawn(mutations).unwrap().join().unwrap();
}

fn mutations() {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seed = number("EIDER_RANDOM_SEED").unwrap_or(SEED);
    println!("seed {seed}");
    let statements = Statements::new();
    let corpus = corpus();
    let (mut planned, mut refused) = (0, 0);
    for n in 0..number("EIDER_RANDOM_QUERIES").unwrap_or(TEXTS) {
        match statements.plan(&mutated(&mut Rng::new(Rng::seed_of(seed, n)), &corpus)) {
            Outcome::Planned => planned += 1,
            Outcome::Refused => refused += 1,
        }
    }
    println!("{planned} planned, {refused} refused");
    assert!(
        planned * 20 > refused,
        "{planned} planned, {refused} refused"
    );
}
