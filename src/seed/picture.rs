//! Pictures of the demo shop's products: drawn here, so that they need no network and no files.

use serde::Deserialize;

/// What is on a picture, and in which colours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    form: Form,
    ground: String,
    ink: String,
    accent: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Form {
    Sack,
    Loaf,
    Jar,
    Cog,
    Wheel,
    Gauge,
    Teapot,
    Print,
    Book,
    Lantern,
    Apron,
}

/// The whole wheel or cog from one of its spokes or teeth.
const TURNS: u16 = 12;

impl Picture {
    /// The picture as SVG: the thing on a light of its own, and its name below it.
    pub fn draw(&self, name: &str) -> String {
        let Self { form, ground, ink, accent } = self;
        let (shapes, name) = (form.shapes(), escaped(name));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 360" role="img" aria-label="{name}">
<style>
.line {{ fill: none; stroke: {ink}; stroke-width: 8; stroke-linecap: round; stroke-linejoin: round }}
.ink {{ fill: {ink} }} .accent {{ fill: {accent} }} .ground {{ fill: {ground} }}
text {{ fill: {ink}; font: 22px Georgia, serif; text-anchor: middle }}
</style>
<rect class="ground" width="480" height="360"/>
<circle class="accent" cx="240" cy="160" r="136" opacity="0.25"/>
{shapes}
<text x="240" y="336">{name}</text>
</svg>
"#
        )
    }
}

impl Form {
    fn shapes(self) -> String {
        match self {
            Self::Sack => SACK.to_owned(),
            Self::Loaf => LOAF.to_owned(),
            Self::Jar => JAR.to_owned(),
            Self::Cog => turned(TOOTH) + COG,
            Self::Wheel => turned(SPOKE) + WHEEL,
            Self::Gauge => GAUGE.to_owned(),
            Self::Teapot => TEAPOT.to_owned(),
            Self::Print => PRINT.to_owned(),
            Self::Book => BOOK.to_owned(),
            Self::Lantern => LANTERN.to_owned(),
            Self::Apron => APRON.to_owned(),
        }
    }
}

/// A shape all around the middle.
fn turned(shape: &str) -> String {
    let turn = |number| format!("<g transform=\"rotate({} 240 160)\">{shape}</g>\n", number * (360 / TURNS));
    (0..TURNS).map(turn).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

const SACK: &str = r#"<path class="accent" d="M170 110q-26 90-8 152h156q18-62-8-152z"/>
<path class="line" d="M170 110q-26 90-8 152h156q18-62-8-152zM170 110l-22-38h184l-22 38M196 190h88M206 218h68"/>"#;
const LOAF: &str = r#"<path class="accent" d="M116 214q0-96 124-96t124 96q0 30-124 30t-124-30z"/>
<path class="line" d="M116 214q0-96 124-96t124 96q0 30-124 30t-124-30zM180 138l26 44M236 132l20 46M292 142l14 38"/>"#;
const JAR: &str = r#"<rect class="accent" x="170" y="126" width="140" height="136" rx="20"/>
<path class="line" d="M176 92h128v-30h-128zM170 126q6-22 20-34h100q14 12 20 34v116q0 20-20 20h-100q-20 0-20-20zM200 178l20-12 20 12v24l-20 12-20-12zM240 178l20-12 20 12v24l-20 12-20-12z"/>"#;
const TOOTH: &str = r#"<rect class="ink" x="226" y="48" width="28" height="34" rx="5"/>"#;
const COG: &str = r#"<circle class="accent" cx="240" cy="160" r="82"/><circle class="line" cx="240" cy="160" r="82"/>
<circle class="ground" cx="240" cy="160" r="26"/><circle class="line" cx="240" cy="160" r="26"/>"#;
const SPOKE: &str = r#"<path class="line" d="M240 140v-84M220 50h40"/>"#;
const WHEEL: &str = r#"<circle class="line" cx="240" cy="160" r="86"/><circle class="accent" cx="240" cy="160" r="24"/>
<circle class="line" cx="240" cy="160" r="24"/><path class="line" d="M70 272q28-20 57 0t57 0 57 0 57 0 57 0 57 0"/>"#;
const GAUGE: &str = r#"<rect class="accent" x="204" y="40" width="72" height="228" rx="8"/><rect class="line" x="204" y="40" width="72" height="228" rx="8"/>
<path class="line" d="M204 76h40M204 108h24M204 140h40M204 172h24M204 204h40M204 236h24M110 226q26-20 47 0M323 226q26-20 47 0"/>"#;
const TEAPOT: &str = r#"<path class="accent" d="M160 160q0 100 80 100t80-100z"/>
<path class="line" d="M160 160q0 100 80 100t80-100zM184 160q8-42 56-42t56 42M240 118v-22M320 178q60-10 62-54M160 182q-52 8-54-26 2-30 54-14"/>"#;
const PRINT: &str = r#"<rect class="ground" x="120" y="60" width="240" height="196"/><rect class="line" x="120" y="60" width="240" height="196"/>
<circle class="accent" cx="240" cy="150" r="38"/><path class="ink" d="M140 168h200v68h-200z"/>
<path class="ground" d="M140 190h200v6h-200zM140 210h200v6h-200z"/>"#;
const BOOK: &str = r#"<path class="accent" d="M240 92q-60-34-130-16v168q70-18 130 16z"/>
<path class="line" d="M240 92q-60-34-130-16v168q70-18 130 16 60-34 130-16v-168q-70-18-130 16zM240 92v168M142 122q36-4 66 10M142 158q36-4 66 10M338 122q-36-4-66 10"/>"#;
const LANTERN: &str = r#"<path class="line" d="M196 90q0-48 44-48t44 48M176 112h128l-20-22h-88zM186 112v132h108v-132M170 244h140v22h-140z"/>
<path class="accent" d="M240 142q34 40 0 76-34-36 0-76z"/><path class="line" d="M240 218v26"/>"#;
const APRON: &str = r#"<path class="accent" d="M196 112h88l40 60v96h-168v-96z"/>
<path class="line" d="M196 112q44-92 88 0M196 112h88l40 60v96h-168v-96zM156 190l-44 22M324 190l44 22M192 196h96v44h-96zM240 196v44"/>"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(form: Form) -> Picture {
        Picture { form, ground: "#fff".into(), ink: "#123456".into(), accent: "#abcdef".into() }
    }

    #[test]
    fn a_picture_shows_its_form_in_its_colours_and_its_name() {
        let (jar, cog) = (picture(Form::Jar).draw("Honey"), picture(Form::Cog).draw("Cogs"));
        assert!(jar.contains("#123456") && jar.contains("#abcdef") && jar.contains(">Honey</text>"), "{jar}");
        assert_eq!(cog.matches("rotate(").count(), 12);
        assert_ne!(jar.replace("Honey", "Cogs"), cog);
    }

    #[test]
    fn a_name_cannot_break_out_of_its_picture() {
        let drawn = picture(Form::Loaf).draw("<script>\"&");
        assert!(!drawn.contains("<script>") && drawn.contains(">&lt;script>&quot;&amp;</text>"), "{drawn}");
    }
}
