//! A template over 20,000 lines of text, rendered with filters and loops.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

const TEMPLATE: &str = "{% for line in lines %}{% if line.number is divisibleby(10) %}<h2>{{ line.text|upper }}</h2>    {% else %}<p>{{ line.number }}: {{ line.text|replace('value', 'thing')|escape }}</p>{% endif %}\n{% endfor %}";

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let mut environment = minijinja::Environment::new();
    environment.add_template("page", TEMPLATE).expect("a template");
    let lines: Vec<_> = (0..20_000_usize)
        .map(|number| {
            let text = format!("let value{number} = call({}, <{}>);", number * 7, "x".repeat(number % 60));
            minijinja::context! { number, text }
        })
        .collect();
    let page = environment.get_template("page").expect("it was added").render(minijinja::context! { lines });
    println!("{}", page.expect("a page").len());
}
