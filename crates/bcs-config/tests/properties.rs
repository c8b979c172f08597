//! Property tests: no panics on any input, and lossless round trips.

use std::collections::BTreeMap;

use bcs_config::{
    Interpolator, Key, Map, Value,
    overrides::{self, Literal},
    yaml,
};
use proptest::{collection, prelude::*, sample::select};

/// Fragments with a meaning in YAML, overrides or interpolations.
const PIECES: &[&str] = &[
    "a", "b: ", ":", "- ", "\n", "\n  ", "  ", "[", "]", "{", "}", "(", ")", ",", "'", "\"", "\\", "|", ">",
    "&x ", "*x", "<<: ", "!!str ", "!", "? ", "#", "%", "---\n", "...\n", "\t", "${", "${a}", "oc.env:", ".",
    "=", "~", "+", "@", "1", "1e-4", "0x", "_", "null", "true", "choice(", "range(", "é", "\u{feff}", "\0",
];

fn noise() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), collection::vec(select(PIECES), 0..24).prop_map(|pieces| pieces.concat())]
}

/// Strings that are hard to quote correctly.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        collection::vec(select(PIECES), 0..4).prop_map(|pieces| pieces.concat())
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        // NaN does not equal itself; see `nan_survives_a_round_trip`.
        any::<f64>().prop_filter("a number", |number| !number.is_nan()).prop_map(Value::Float),
        text().prop_map(Value::Str),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        4 => text().prop_map(Key::Str),
        1 => any::<i64>().prop_map(Key::Int),
        1 => any::<bool>().prop_map(Key::Bool),
    ];
    value_with_keys(key.boxed())
}

/// Values of overrides; strings are quoted.
fn literal() -> impl Strategy<Value = Literal> {
    let scalar = prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(Literal::Int),
        any::<f64>().prop_filter("a number", |number| !number.is_nan()).prop_map(Literal::Float),
        (text(), select(&['\'', '"'][..])).prop_map(|(text, quote)| Literal::Quoted { text, quote }),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        let key = "[a-z]{1,3}".prop_map(Key::Str);
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Literal::List),
            collection::vec((key, inner), 0..4).prop_map(|pairs| Literal::Map(pairs.into_iter().collect())),
        ]
    })
}

fn value_with_keys<K: Into<Key> + std::fmt::Debug + 'static>(
    key: BoxedStrategy<K>,
) -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| Value::Map(
                pairs.into_iter().map(|(key, value)| (key.into(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn yaml_survives_a_round_trip(value in value()) {
        let text = value.to_yaml();
        let read = yaml::parse(&text, "written");
        prop_assert_eq!(read.as_ref().ok(), Some(&value), "{}", text);
    }

    #[test]
    fn lists_of_strings_survive_a_round_trip(texts in collection::vec(text(), 0..6)) {
        let written = Value::from(texts.clone()).to_yaml();
        let read = yaml::parse(&written, "written").map(|read| read.decode::<Vec<String>>());
        prop_assert_eq!(read.ok().and_then(Result::ok), Some(texts), "{}", written);
    }

    #[test]
    fn json_survives_a_round_trip(value in value_with_keys(text().boxed())) {
        if let Ok(json) = value.to_json() {
            prop_assert_eq!(Value::from_json(json).ok(), Some(value));
        }
    }

    #[test]
    fn any_string_can_be_quoted_in_an_override(text in text()) {
        let parsed = overrides::parse(&format!("key={}", quoted(&text)));
        prop_assert_eq!(parsed.ok().and_then(|parsed| parsed.value()), Some(Value::Str(text)));
    }

    #[test]
    fn values_of_overrides_survive_a_round_trip(literal in literal()) {
        let text = format!("key={}", literal.text());
        let parsed = overrides::parse(&text);
        prop_assert_eq!(parsed.ok().and_then(|parsed| parsed.value()), Some(literal.value()), "{}", text);
    }

    #[test]
    fn the_override_parser_never_panics(text in noise()) {
        let _ = overrides::parse(&text);
        let _ = overrides::parse(&format!("key={text}"));
    }

    #[test]
    fn expanded_runs_survive_a_round_trip(text in noise()) {
        if let Ok(parsed) = overrides::parse(&format!("key={text}"))
            && let Ok(runs) = overrides::expand(std::slice::from_ref(&parsed), |_| Vec::new())
        {
            for one in runs.iter().flatten().take(100) {
                let again = overrides::parse(&one.text).expect("formatted by this crate");
                prop_assert_eq!(format!("{:?}", again.value()), format!("{:?}", one.value()));
            }
        }
    }

    #[test]
    fn any_override_that_parses_has_a_normal_form(text in noise()) {
        let _ = overrides::parse(&text).map(|parsed| overrides::expand(&[parsed], |_| Vec::new()));
    }

    #[test]
    fn the_yaml_parser_never_panics(text in noise()) {
        let _ = yaml::parse(&text, "noise");
    }

    #[test]
    fn interpolation_never_panics(texts in collection::vec(noise(), 1..4)) {
        let keys = ["a", "b", "c", "d"].map(Key::from);
        let mut config: Value = keys.into_iter().zip(texts.into_iter().map(Value::Str)).collect::<Map>().into();
        let _ = Interpolator::new(BTreeMap::new()).resolve(&mut config);
    }

    #[test]
    fn merging_a_value_over_itself_changes_nothing(value in value()) {
        let mut merged = value.clone();
        merged.merge(value.clone());
        prop_assert_eq!(merged, value);
    }

    #[test]
    fn every_leaf_is_found_by_its_path(value in value_with_keys("[a-z0-9]{1,3}".boxed())) {
        for (path, leaf) in value.leaves() {
            prop_assert_eq!(value.get_path(&path), Some(leaf));
        }
    }

    #[test]
    fn values_that_are_set_can_be_read_and_removed(
        mut value in value_with_keys("[a-z]{1,2}".boxed()),
        path in "[a-z]{1,2}(\\.[a-z]{1,2}){0,3}",
    ) {
        if value.set(&path, Value::Int(7)).is_ok() {
            prop_assert_eq!(value.get_path(&path), Some(&Value::Int(7)));
            prop_assert_eq!(value.remove(&path), Some(Value::Int(7)));
            prop_assert_eq!(value.get_path(&path), None);
        }
    }
}

/// Quotes a string for an override; backslashes are doubled before a quote or the end.
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    let mut backslashes = 0;
    for c in text.chars().chain(['\'']) {
        if c == '\'' {
            out.push_str(&"\\".repeat(backslashes));
        }
        if c == '\'' {
            out.push('\\');
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        out.push(c);
    }
    // The closing quote is not escaped.
    out.truncate(out.len() - 2);
    out.push('\'');
    out
}

#[test]
fn nan_survives_a_round_trip() {
    let text = Value::List(vec![Value::Float(f64::NAN)]).to_yaml();
    assert_eq!(text, "- .nan\n");
    let read = yaml::parse(&text, "written").expect("reads");
    assert!(read.get_path("0").and_then(Value::as_f64).is_some_and(f64::is_nan));
}

#[test]
fn exponential_expansion_is_an_error() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    let mut chain = String::from("c0: xxxxxxxxxx\n");
    for level in 1..12 {
        let below = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(", ")));
        chain.push_str(&format!("c{level}: '{}'\n", format!("${{c{below}}}").repeat(10)));
    }
    let error = yaml::parse(&bomb, "bomb").expect_err("too many values");
    assert!(error.to_string().contains("more than"), "{error}");
    let mut chain = yaml::parse(&chain, "chain").expect("small before resolution");
    let error = Interpolator::new(BTreeMap::new()).resolve(&mut chain).expect_err("too much text");
    assert!(error.to_string().contains("too large"), "{error}");
}

#[test]
fn deep_nesting_is_an_error() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        let text = format!("{}x{}", open.repeat(20_000), close.repeat(20_000));
        assert!(yaml::parse(&text, "deep").is_err(), "{open}");
    }
    for open in ["[", "{a:", "int(", "choice("] {
        assert!(overrides::parse(&format!("a={}", open.repeat(100_000))).is_err(), "{open}");
    }
    for open in ["${", "${a:", "${a:[", "${a:{b:", "${a:'${"] {
        let mut config = Value::Map([("a".into(), Value::from(open.repeat(50_000)))].into_iter().collect());
        assert!(Interpolator::new(BTreeMap::new()).resolve(&mut config).is_err(), "{open}");
    }
    let chain = (0..5_000).map(|n| (format!("k{n}").into(), Value::Str(format!("${{k{}}}", n + 1))));
    let mut chain = Value::Map(chain.collect());
    assert!(Interpolator::new(BTreeMap::new()).resolve(&mut chain).is_err());
}
