//! Source code of a TorchScript archive: a class per kind of module, and the forward pass.

use std::collections::HashMap;

use super::module::Module;
use super::trace::Trace;

/// Name of the class of the root module.
pub(super) const ROOT: &str = "Network";

/// Classes of modules. Modules with the same attributes share a class.
#[derive(Debug, Default)]
pub(super) struct Classes {
    names: HashMap<String, String>,
    source: String,
}

impl Classes {
    /// Returns the name of the class of a module, which is declared if it is new, after those of its submodules.
    pub(super) fn name_of(&mut self, module: &Module<'_>) -> String {
        let attributes = self.attributes(module);
        if let Some(name) = self.names.get(&attributes) {
            return name.clone();
        }
        let name = format!("Module{}", self.names.len());
        self.source += &format!("class {name}(Module):\n{attributes}");
        self.names.insert(attributes, name.clone());
        name
    }

    /// Returns the source of all classes, with the root module's, whose method `forward` is the trace.
    /// `tensor_names` are the names of the trace's tensors.
    pub(super) fn finish(mut self, root: &Module<'_>, trace: &Trace, tensor_names: &[&str]) -> String {
        let attributes = self.attributes(root);
        let image = &trace.image;
        let mut source = self.source;
        source += &format!("class {ROOT}(Module):\n{attributes}");
        source += &format!("  def forward(self: __torch__.{ROOT},\n    {image}: Tensor) -> Tensor:\n");
        for (variable, name) in trace.tensors.iter().zip(tensor_names) {
            source += &format!("    {variable} = {}\n", access(name));
        }
        source + &trace.body
    }

    fn attributes(&mut self, module: &Module<'_>) -> String {
        let list = |is_parameter: bool| -> String {
            let names = module.tensors.iter().filter(|(_, entry)| entry.is_parameter == is_parameter);
            names.map(|(name, _)| format!("\"{name}\", ")).collect()
        };
        let mut text = format!("  __parameters__ = [{}]\n  __buffers__ = [{}]\n", list(true), list(false));
        for name in module.tensors.keys() {
            text += &declaration(name, "Tensor");
        }
        text += "  training : bool\n  _is_full_backward_hook : Optional[bool]\n";
        for (name, child) in &module.children {
            text += &declaration(name, &format!("__torch__.{}", self.name_of(child)));
        }
        text
    }
}

fn declaration(name: &str, class: &str) -> String {
    if is_identifier(name) {
        format!("  {name} : {class}\n")
    } else {
        format!("  __annotations__[\"{name}\"] = {class}\n")
    }
}

/// Returns the expression for an attribute of `self`: `getattr(self.model, "0").weight` for `model.0.weight`.
fn access(name: &str) -> String {
    name.split('.').fold("self".to_owned(), |object, attribute| {
        if is_identifier(attribute) {
            format!("{object}.{attribute}")
        } else {
            format!("getattr({object}, \"{attribute}\")")
        }
    })
}

fn is_identifier(name: &str) -> bool {
    let is_valid = |character: char| character == '_' || character.is_ascii_alphanumeric();
    name.chars().all(is_valid) && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::module::Entry;

    #[test]
    fn attributes_are_reached_as_python_names_them() {
        assert_eq!(access("conv.weight"), "self.conv.weight");
        assert_eq!(access("model.0.1.bias"), "getattr(getattr(self.model, \"0\"), \"1\").bias");
    }

    #[test]
    fn equal_modules_share_a_class() {
        let mut root = Module::default();
        for (tensor, name) in ["a.weight", "b.weight", "c.bias", "d.0.weight"].into_iter().enumerate() {
            root.insert(name, Entry { tensor, is_parameter: true });
        }
        let mut classes = Classes::default();
        let names: Vec<_> = root.children.values().map(|child| classes.name_of(child)).collect();
        assert_eq!(names, ["Module0", "Module0", "Module1", "Module2"]);
        assert!(
            classes.source.contains("  __annotations__[\"0\"] = __torch__.Module0\n"),
            "{}",
            classes.source
        );
    }
}
