//! MERGE as it is read: data in, data out.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use plan::{MergeAction as A, MergeCondition, MergeWhen as W, SourceColumns, Statement};
use tree::Parser;

/// One line for each part that was read: what names it has, what was left to DuckDB to read.
fn read(text: &str) -> Result<Vec<String>, String> {
    let parser = Parser::open().unwrap();
    let merge = match plan::parse(text, &parser) {
        Ok(Statement::Merge(merge)) => merge,
        Ok(other) => panic!("{text}: {other:?}"),
        Err(e) => return Err(format!("{:?} {:?}", e.kind(), e.position())),
    };
    let print = |v: &serde_json::Value| {
        let query = tree::build::select(vec![v.clone()], tree::build::nothing(), None, false);
        let text = parser.print(&query).unwrap();
        text.strip_prefix("SELECT ").unwrap().to_owned()
    };
    let all = |v: &[serde_json::Value]| v.iter().map(print).collect::<Vec<_>>().join(", ");
    let source = parser
        .print(&tree::build::select(
            vec![tree::build::star()],
            merge.source.clone(),
            None,
            false,
        ))
        .unwrap();
    let name = merge.target.name.parts.join(".");
    let alias = merge.target.alias.as_deref().unwrap_or("-");
    let condition = match &merge.condition {
        MergeCondition::On(on) => print(on),
        MergeCondition::Using(columns) => format!("using {columns:?}"),
    };
    let mut lines = vec![format!("{name} {alias} | {source} | {condition}")];
    for clause in &merge.clauses {
        let when = match clause.when {
            W::Matched => "matched",
            W::NotMatched => "not matched",
            W::NotMatchedBySource => "by source",
        };
        let condition = clause.condition.as_ref().map(print).unwrap_or_default();
        let from = |columns: &SourceColumns| match columns {
            SourceColumns::ByName => "by name",
            SourceColumns::ByPosition => "by position",
        };
        let action = match &clause.action {
            A::Update(set, values) => {
                let set: Vec<&str> = set.iter().map(|a| a.column.as_str()).collect();
                format!("update {set:?} {}", all(values))
            }
            A::UpdateFrom(columns) => format!("update {}", from(columns)),
            A::Delete => "delete".to_owned(),
            A::Insert { columns, values } => {
                let values = values.iter().map(|v| v.as_ref().map(print));
                let values: Vec<String> = values
                    .map(|v| v.unwrap_or_else(|| "default".to_owned()))
                    .collect();
                format!("insert {columns:?} {}", values.join(", "))
            }
            A::InsertFrom(columns) => format!("insert {}", from(columns)),
            A::InsertDefaults => "insert defaults".to_owned(),
            A::Nothing => "nothing".to_owned(),
            A::Error(said) => {
                format!("error {}", said.as_ref().map(print).unwrap_or_default())
            }
        };
        lines.push(format!("{when} [{condition}] {action}"));
    }
    lines.extend(merge.returning.map(|r| format!("returning {}", r.text)));
    Ok(lines)
}

#[test]
fn forms() {
    for (text, lines) in [
        (
            "merge into t using u on t.id = u.id when matched then delete",
            vec!["t - | SELECT * FROM u | (t.id = u.id)", "matched [] delete"],
        ),
        (
            "MERGE INTO a.b.t AS d USING (select 1 as id when_, 2) s (id, v) USING (id) \
             WHEN MATCHED AND d.x > 1 THEN UPDATE SET a = s.v, b = DEFAULT, c = case when s.v = 1 then 2 end \
             WHEN NOT MATCHED THEN INSERT (id, \"when\") VALUES (s.id, default) RETURNING merge_action, *",
            vec![],
        ),
        (
            "merge into t d using (select 1 as id) as s on (d.id = s.id) when matched and d.x > 1 then \
             update set a = s.v, b = default, c = case when s.v = 1 then 2 end when not matched by target \
             then insert (id, \"when\") values (f(s.id, 1), default) when not matched by source and d.z is \
             distinct from 3 then delete returning merge_action, *",
            vec![
                "t d | SELECT * FROM (SELECT 1 AS id) AS s | (d.id = s.id)",
                "matched [(d.x > 1)] update [\"a\", \"b\", \"c\"] s.v, CASE  WHEN ((s.v = 1)) THEN (2) ELSE NULL END",
                "not matched [] insert [\"id\", \"when\"] f(s.id, 1), default",
                "by source [(d.z IS DISTINCT FROM 3)] delete",
                "returning merge_action, *",
            ],
        ),
        (
            "merge into t using u join v on u.a = v.a on case when t.a = u.a then true end when matched then update \
             when not matched then insert",
            vec![
                "t - | SELECT * FROM u INNER JOIN v ON ((u.a = v.a)) | CASE  WHEN ((t.a = u.a)) THEN (CAST('t' AS BOOLEAN)) ELSE NULL END",
                "matched [] update by position",
                "not matched [] insert by position",
            ],
        ),
        (
            "merge into t using u using (a, b) when matched and case when true then false end then do nothing \
             when matched then update by name when not matched then insert by name *",
            vec![
                "t - | SELECT * FROM u | using [\"a\", \"b\"]",
                "matched [CASE  WHEN (CAST('t' AS BOOLEAN)) THEN (CAST('f' AS BOOLEAN)) ELSE NULL END] nothing",
                "matched [] update by name",
                "not matched [] insert by name",
            ],
        ),
        (
            "merge into t using u using (a) when matched then update set * when not matched by source then error \
             when not matched and u.a > 1 then insert default values when not matched then error 'no ' || u.a",
            vec![
                "t - | SELECT * FROM u | using [\"a\"]",
                "matched [] update by position",
                "by source [] error ",
                "not matched [(u.a > 1)] insert defaults",
                "not matched [] error ('no ' || u.a)",
            ],
        ),
        (
            "merge into t using u using (a) when matched then insert by position * when not matched then \
             insert values (1, u.b)",
            vec![
                "t - | SELECT * FROM u | using [\"a\"]",
                "matched [] insert by position",
                "not matched [] insert [] 1, u.b",
            ],
        ),
    ] {
        let found = read(text);
        match lines.is_empty() {
            true => assert!(found.is_err(), "{text}: {found:?}"),
            false => assert_eq!(found.unwrap(), lines, "{text}"),
        }
    }
}

#[test]
fn what_is_refused() {
    for (text, wanted) in [
        (
            "merge into t using u on true when matched then delete when matched then do nothing",
            "Syntax Some(54)",
        ),
        ("merge", "Syntax Some(5)"),
        ("merge into t", "Syntax Some(12)"),
        (
            "merge into t using u when matched then delete",
            "Syntax Some(21)",
        ),
        ("merge into t using u on true", "Syntax Some(28)"),
        (
            "merge into t using u on true when matched delete",
            "Syntax Some(42)",
        ),
        (
            "merge into t using u on true when matched then",
            "Syntax Some(46)",
        ),
        (
            "merge into t using u on true when matched then select 1",
            "Syntax Some(47)",
        ),
        (
            "merge into t using u on true when not matched by u then delete",
            "Syntax Some(49)",
        ),
        (
            "merge into t using u on true when matched then update by",
            "Syntax Some(54)",
        ),
        (
            "merge into t using u on true when matched then insert (a)",
            "Syntax Some(57)",
        ),
        (
            "merge into t using u on true when matched then insert values ()",
            "Syntax Some(62)",
        ),
        (
            "merge into t using u on true when matched then insert values (1",
            "Syntax Some(63)",
        ),
        (
            "merge into t using u on true when matched then delete where true",
            "Syntax Some(54)",
        ),
        (
            "merge into t using u on true when matched then update set a = ",
            "Syntax Some(61)",
        ),
        (
            "merge into t using u on true when matched then update set a = 1) when",
            "Syntax Some(63)",
        ),
        (
            "merge into t using u on true when matched then update set (a, b) = (1, 2)",
            "NotSupported Some(58)",
        ),
        (
            "merge into t using u on true when matched then delete returning $1",
            "NotSupported Some(64)",
        ),
        (
            "merge into t using u, v on true when matched then delete",
            "Syntax Some(20)",
        ),
        (
            "merge into t using u on true join v on true when matched then delete",
            "NotSupported Some(19)",
        ),
        (
            "with c as (select 1) merge into t using c on true when matched then delete",
            "NotSupported None",
        ),
        (
            "merge into t using u on true when matched then delete; select 1",
            "Syntax Some(53)",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), wanted, "{text}");
    }
}
