//! Expressions of a trace: what libtorch writes for a forward pass is assignments of calls, lists and literals.

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// A variable.
    Variable(String),
    /// A whole number.
    Int(i64),
    /// A number with a decimal point.
    Float(f64),
    /// `True` or `False`.
    Bool(bool),
    /// A string.
    Text(String),
    /// `None`.
    None,
    /// A list.
    List(Vec<Self>),
    /// A function of `torch` and its positional arguments.
    Call(String, Vec<Self>),
}

/// An assignment of an expression to a variable; the last statement of a trace returns its expression.
#[derive(Debug, PartialEq)]
pub(super) enum Statement {
    /// `variable = expression`
    Assign(String, Expression),
    /// `return expression`
    Return(Expression),
}

/// Parses the statements of a trace.
///
/// # Errors
/// What of it is not understood.
pub(super) fn parse(body: &str) -> Result<Vec<Statement>, String> {
    body.lines().map(str::trim).filter(|line| !line.is_empty()).map(statement).collect()
}

fn statement(line: &str) -> Result<Statement, String> {
    let whole = |text: &str| {
        let mut reader = Reader { rest: text.trim() };
        let expression = reader.expression();
        expression
            .filter(|_| reader.rest.is_empty())
            .ok_or_else(|| format!("the trace has the statement '{line}'"))
    };
    if let Some(returned) = line.strip_prefix("return ") {
        return Ok(Statement::Return(whole(returned)?));
    }
    match line.split_once(" = ") {
        Some((variable, value)) => Ok(Statement::Assign(variable.to_owned(), whole(value)?)),
        None => Err(format!("the trace has the statement '{line}'")),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn expression(&mut self) -> Option<Expression> {
        self.rest = self.rest.trim_start();
        if self.take("[") {
            return self.items("]").map(Expression::List);
        }
        if self.take("\"") {
            let text = self.until(|character| character == '"').to_owned();
            return self.take("\"").then_some(Expression::Text(text));
        }
        let word = self.until(|character| !(character.is_ascii_alphanumeric() || "_.-+".contains(character)));
        let word = word.to_owned();
        match word.as_str() {
            "" => None,
            "None" => Some(Expression::None),
            "True" => Some(Expression::Bool(true)),
            "False" => Some(Expression::Bool(false)),
            word => match word.strip_prefix("torch.") {
                Some(function) if self.take("(") => {
                    self.items(")").map(|arguments| Expression::Call(function.to_owned(), arguments))
                }
                Some(_) => None,
                None => literal_or_variable(word),
            },
        }
    }

    /// Reads expressions separated by commas until `end`. The name of a keyword argument is dropped: libtorch writes those
    /// arguments by name that follow a `*`, in their order.
    fn items(&mut self, end: &str) -> Option<Vec<Expression>> {
        let mut items = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.take(end) {
                return Some(items);
            }
            if !items.is_empty() && !self.take(",") {
                return None;
            }
            self.rest = self.rest.trim_start();
            let name =
                self.rest.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
            if let Some(length) = name
                && self.rest[length..].starts_with('=')
            {
                self.rest = &self.rest[length + 1..];
            }
            items.push(self.expression()?);
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn until(&mut self, is_end: impl Fn(char) -> bool) -> &str {
        let (word, rest) = self.rest.split_at(self.rest.find(is_end).unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }
}

fn literal_or_variable(word: &str) -> Option<Expression> {
    if word.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic()) {
        return Some(Expression::Variable(word.to_owned()));
    }
    let int = word.parse().map(Expression::Int);
    int.or_else(|_| word.parse().map(Expression::Float)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_calls_lists_and_literals() {
        let body = "    _0 = torch.conv(x, None, [2, 2], True, 1.0000000000000001e-05)\n    \
                    _1 = [_0, torch.gelu(_0, approximate=\"tanh\")]\n    return torch.cat(_1, -1)\n";
        let variable = |name: &str| Expression::Variable(name.to_owned());
        let call = |name: &str, arguments| Expression::Call(name.to_owned(), arguments);
        let two = Expression::List(vec![Expression::Int(2); 2]);
        let gelu = call("gelu", vec![variable("_0"), Expression::Text("tanh".to_owned())]);
        let conv =
            vec![variable("x"), Expression::None, two, Expression::Bool(true), Expression::Float(1e-5)];
        let expected = [
            Statement::Assign("_0".to_owned(), call("conv", conv)),
            Statement::Assign("_1".to_owned(), Expression::List(vec![variable("_0"), gelu])),
            Statement::Return(call("cat", vec![variable("_1"), Expression::Int(-1)])),
        ];
        assert_eq!(parse(body).unwrap(), expected);
    }

    #[test]
    fn other_code_is_an_error() {
        for code in ["_0 = torch.conv(x", "_0 = ops.prim.size(x)(", "if x:", "_0 = torch.conv(x) y"] {
            assert!(parse(code).unwrap_err().contains(code), "{code}");
        }
    }
}
