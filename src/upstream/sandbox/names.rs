//! The word lists that the sandbox's people and companies are put together from.
//!
//! Everybody is invented: a name is a random pair from one culture's lists. Changing a list or its
//! order changes who a search finds, so that a stored job would go on among other people.

use std::sync::LazyLock;

/// Names that go together, and the cities where they are common.
pub(super) struct Culture {
    pub(super) first: Vec<&'static str>,
    pub(super) last: Vec<&'static str>,
    pub(super) cities: Vec<&'static str>,
}

pub(super) static CULTURES: LazyLock<Vec<Culture>> = LazyLock::new(|| {
    CULTURE_WORDS
        .iter()
        .map(|&[first, last, cities]| Culture {
            first: words(first),
            last: words(last),
            cities: words(cities),
        })
        .collect()
});

pub(super) static TITLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| words(TITLE_WORDS));
pub(super) static TOPICS: LazyLock<Vec<&'static str>> = LazyLock::new(|| words(TOPIC_WORDS));
pub(super) static COMPANY_HEADS: LazyLock<Vec<&'static str>> = LazyLock::new(|| words(HEAD_WORDS));
pub(super) static COMPANY_TRADES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| words(TRADE_WORDS));
pub(super) static COMMENTS: LazyLock<Vec<&'static str>> = LazyLock::new(|| words(COMMENT_WORDS));

fn words(list: &'static str) -> Vec<&'static str> {
    list.split('|').collect()
}

/// First names, last names, cities; one row per culture.
const CULTURE_WORDS: [[&str; 3]; 18] = [
    [
        "Camille|Élodie|Hélène|Inès|Manon|Océane|Chloé|Anaïs|Margaux|Solène|Benoît|Cédric|Étienne|François|Gaël|Jérôme|Loïc|Mathieu|Rémi|Thibault",
        "Beaumont|Chevallier|Delacroix|Dufresne|Faure|Garnier|Hébert|Joubert|Lacombe|Lefèvre|Marchand|Montclair|Noël|Pelletier|Poirier|Renard|Rivière|Roussel|Saulnier|Tessier|Vallée|Vidal|Le Goff|Bérenger",
        "Lyon, France|Nantes, France|Lille, France|Toulouse, France|Strasbourg, France|Greater Paris Metropolitan Region",
    ],
    [
        "Anneliese|Birgit|Clara|Franziska|Greta|Heike|Ilse|Jörg|Katrin|Lukas|Matthias|Nils|Ottilie|Paul|Rüdiger|Sabine|Sören|Thorsten|Ulrike|Wiebke",
        "Ackermann|Bäcker|Brandt|Dietrich|Eberhardt|Falkner|Göbel|Hartwig|Jäger|Köhler|Lindemann|Möller|Neuhaus|Ostermann|Pfeiffer|Reinhardt|Schäfer|Steinbach|Strauß|Thielemann|Überacker|Vogt|Weidmann|Zöllner",
        "Hamburg, Germany|Munich, Bavaria, Germany|Cologne, Germany|Leipzig, Germany|Vienna, Austria|Zürich, Switzerland",
    ],
    [
        "Alejandra|Álvaro|Beatriz|Carmen|Cristóbal|Elena|Fermín|Gonzalo|Inmaculada|Íñigo|Jimena|Joaquín|Lucía|Marisol|María José|Nicolás|Pilar|Raúl|Sofía|Tomás",
        "Aguilar|Benítez|Caballero|Castañeda|Domínguez|Echeverría|Figueroa|Galindo|Herrera|Ibáñez|Jiménez|Lozano|Medina|Muñoz|Navarro|Ocaña|Peralta|Quintana|Robledo|Salcedo|Serrano|Vázquez|Villalobos|Zamora",
        "Valencia, Spain|Bilbao, Spain|Seville, Spain|Guadalajara, Mexico|Bogotá, Colombia|Santiago, Chile",
    ],
    [
        "Alessia|Bianca|Chiara|Donatella|Elisabetta|Federica|Giulia|Ilaria|Lorenzo|Luca|Marcello|Niccolò|Ornella|Paolo|Raffaele|Silvia|Stefano|Tommaso|Valentina|Vittorio",
        "Abbate|Bellini|Caruso|Colombo|D'Amico|De Santis|Esposito|Ferrante|Galli|Lombardi|Marchetti|Montanari|Negri|Orsini|Pellegrino|Ricci|Romano|Sartori|Silvestri|Tedesco|Testa|Valentini|Vitale|Zanetti",
        "Milan, Italy|Turin, Italy|Bologna, Italy|Naples, Italy|Verona, Italy",
    ],
    [
        "Astrid|Bjørn|Dagny|Eirik|Elsa|Freja|Gunnar|Håkan|Ingrid|Jonas|Kjersti|Lars|Linnéa|Magnus|Maja|Øyvind|Saga|Signe|Sven|Åsa",
        "Ahlgren|Andersen|Bergström|Bjørnstad|Dahl|Eklund|Fagerholm|Grønbæk|Haugen|Hedlund|Jørgensen|Kjær|Lindqvist|Lundgren|Mikkelsen|Nyström|Ødegård|Rasmussen|Sjöberg|Solberg|Strand|Thorsen|Vestergaard|Åkesson",
        "Gothenburg, Sweden|Malmö, Sweden|Aarhus, Denmark|Bergen, Norway|Tampere, Finland|Stockholm, Sweden",
    ],
    [
        "Agnieszka|Bartosz|Dorota|Ewelina|Grzegorz|Jadwiga|Kacper|Łukasz|Małgorzata|Michał|Paweł|Zofia|Bohumil|Božena|Eliška|Jiří|Kateřina|Ondřej|Radka|Štěpán",
        "Adamczyk|Borkowski|Chmielewski|Dąbrowski|Gajewski|Jabłoński|Kamiński|Kozłowski|Łapiński|Majewski|Piątek|Sikora|Wójcik|Zając|Čermák|Dvořák|Horák|Kopecký|Novotný|Pospíšil|Říha|Šimek|Vaněk|Žák",
        "Wrocław, Poland|Kraków, Poland|Gdańsk, Poland|Poznań, Poland|Brno, Czechia|Prague, Czechia",
    ],
    [
        "Annelies|Bram|Daan|Eline|Femke|Geert|Hanneke|Ilse|Jeroen|Koen|Lotte|Maarten|Noortje|Pieter|Roos|Ruben|Sanne|Tijs|Veerle|Wouter",
        "Bakker|Brouwer|Claessens|De Graaf|De Wit|Dekker|Goossens|Hendriks|Hermans|Jacobs|Kuipers|Maes|Mulder|Peeters|Postma|Schouten|Smeets|Van Dijk|Van den Berg|Van Loon|Verhoeven|Vermeulen|Willems|Zijlstra",
        "Utrecht, Netherlands|Eindhoven, Netherlands|Rotterdam, Netherlands|Ghent, Belgium|Antwerp, Belgium",
    ],
    [
        "Aoife|Alistair|Bronwyn|Callum|Ciarán|Eilidh|Fergus|Gemma|Hamish|Imogen|Isla|Niamh|Oliver|Poppy|Rhys|Róisín|Rupert|Siobhán|Tamsin|Victoria",
        "Abernathy|Ashworth|Blackwood|Cartwright|Davies|Fairclough|Gallagher|Hargreaves|Kavanagh|Llewellyn|MacLeod|Merriweather|O'Brien|O'Sullivan|Pemberton|Pritchard|Ramsay|Sinclair|Thistlewood|Trevelyan|Underhill|Wetherby|Whitaker|Winterbourne",
        "Manchester, United Kingdom|Leeds, England, United Kingdom|Edinburgh, United Kingdom|Cardiff, Wales|Cork, Ireland|Dublin, Ireland",
    ],
    [
        "Abigail|Brandon|Brooke|Caleb|Delilah|Dwayne|Ethan|Grace|Hunter|Jada|Kendall|Logan|Mackenzie|Marcus|Paige|Quincy|Savannah|Travis|Tyrell|Whitney",
        "Albright|Barlow|Bennett|Caldwell|Crawford|Delaney|Ellison|Fletcher|Granger|Hollis|Jefferson|Kessler|Langford|Maddox|Norwood|Prescott|Radcliffe|Sawyer|Stanton|Tillman|Vance|Washburn|Whitfield|Yates",
        "Austin, Texas, United States|Columbus, Ohio, United States|Greater Chicago Area|Raleigh, North Carolina, United States|Denver, Colorado, United States|Toronto, Ontario, Canada",
    ],
    [
        "Antônio|Beatriz|Caio|Conceição|Débora|Eduardo|Fernanda|Flávia|Gustavo|Heloísa|Inês|João|Júlia|Larissa|Luís|Márcio|Patrícia|Renato|Tainá|Vinícius",
        "Almeida|Assunção|Barbosa|Brandão|Cardoso|Coelho|Dantas|Falcão|Figueiredo|Gonçalves|Lacerda|Magalhães|Marques|Medeiros|Nóbrega|Pacheco|Queiroz|Ribeiro|Salgado|Simões|Tavares|Teixeira|Valadares|Xavier",
        "Campinas, São Paulo, Brazil|Curitiba, Brazil|Recife, Brazil|Porto, Portugal|Lisbon, Portugal",
    ],
    [
        "Aarav|Ananya|Arjun|Deepika|Devika|Gaurav|Harini|Ishaan|Kavya|Lakshmi|Manoj|Meera|Nikhil|Pooja|Rahul|Rohini|Sanjay|Sneha|Tanvi|Vikram",
        "Agarwal|Banerjee|Bhatt|Chatterjee|Deshmukh|Ghosh|Iyer|Joshi|Kapoor|Krishnan|Kulkarni|Malhotra|Menon|Mukherjee|Nair|Pillai|Rangarajan|Rao|Saxena|Sengupta|Shetty|Srinivasan|Thakur|Venkataraman",
        "Bengaluru, Karnataka, India|Pune, Maharashtra, India|Chennai, India|Hyderabad, India|Singapore",
    ],
    [
        "Akiko|Daichi|Emi|Haruka|Hiroshi|Kaito|Kenji|Mariko|Naoki|Reina|Sakura|Shota|Takeshi|Yuki|Yumi|Eun-ji|Hyun-woo|Ji-ho|Min-seo|Seo-yeon",
        "Fujimoto|Hayashi|Ishikawa|Kobayashi|Kuroda|Matsuda|Miyazaki|Nakajima|Ōta|Sakamoto|Shimizu|Takahashi|Uchida|Watanabe|Yamashita|Bae|Cho|Han|Jung|Kang|Ryu|Seo|Shin|Yoon",
        "Osaka, Japan|Yokohama, Japan|Nagoya, Japan|Busan, South Korea|Seoul, South Korea",
    ],
    [
        "Abena|Adaeze|Akosua|Amara|Babajide|Chidi|Chinonso|Efua|Folake|Ifeanyi|Kofi|Kwame|Ngozi|Nnamdi|Olumide|Sade|Temitope|Tunde|Yaw|Zainab",
        "Achebe|Adeyemi|Afolabi|Agyeman|Akinola|Amankwah|Asante|Balogun|Boateng|Chukwu|Danquah|Eze|Ibekwe|Mensah|Nwosu|Obi|Ogunleye|Okafor|Okonkwo|Olawale|Osei|Owusu|Sowande|Uzoma",
        "Lagos, Nigeria|Abuja, Nigeria|Accra, Ghana|Kumasi, Ghana|Nairobi, Kenya|Johannesburg, South Africa",
    ],
    [
        "Ayşe|Barış|Berk|Çağla|Ceren|Deniz|Elif|Emre|Gökhan|Gülşen|Hande|Kerem|Leyla|Mert|Nazlı|Özge|Selin|Tolga|Umut|Yasemin",
        "Acar|Akın|Aydoğan|Başaran|Çelik|Demirci|Erdoğmuş|Güneş|Karadağ|Kılıç|Korkmaz|Öztürk|Polat|Sarıkaya|Soylu|Şahin|Taşkın|Tekin|Tunç|Uysal|Ünal|Yalçın|Yıldırım|Zengin",
        "Ankara, Türkiye|Izmir, Türkiye|Bursa, Türkiye|Greater Istanbul Area",
    ],
    [
        "Anh|Bảo|Chi|Dũng|Giang|Hạnh|Hương|Khánh|Lan|Linh|Mai|Minh|Ngọc|Phúc|Quỳnh|Thảo|Thu|Trang|Tuấn|Việt",
        "Bùi|Cao|Châu|Đặng|Đinh|Đỗ|Dương|Hà|Hoàng|Hồ|Huỳnh|Lâm|Lương|Lý|Mạc|Nguyễn|Phạm|Phan|Tạ|Trần|Trịnh|Trương|Võ|Vũ",
        "Da Nang, Vietnam|Hanoi, Vietnam|Ho Chi Minh City, Vietnam|Bangkok, Thailand",
    ],
    [
        "Amina|Amir|Bilal|Dalia|Fadi|Farah|Ghassan|Hanan|Idris|Karim|Khadija|Layla|Mounir|Nadia|Omar|Rania|Samir|Soraya|Tariq|Yasmin",
        "Abboud|Al-Khatib|Al-Masri|Amrani|Belhaj|Benali|Bouzid|Chaoui|Darwish|El Fassi|El Idrissi|Farouk|Ghanem|Haddad|Idrissi|Jaziri|Khalil|Mansour|Nasser|Qasim|Rahmani|Saidi|Tahiri|Zidane",
        "Casablanca, Morocco|Tunis, Tunisia|Amman, Jordan|Dubai, United Arab Emirates|Cairo, Egypt",
    ],
    [
        "Ana|Andrei|Bogdan|Cătălin|Cosmin|Dana|Ileana|Ionuț|Mihaela|Răzvan|Ágnes|Balázs|Eszter|Gábor|Ildikó|Katalin|László|Réka|Tamás|Zoltán",
        "Albu|Bălan|Ciobanu|Dragomir|Dumitru|Enescu|Ionescu|Lupu|Munteanu|Popovici|Stănescu|Văduva|Balogh|Barta|Farkas|Fekete|Horváth|Juhász|Kiss|Lakatos|Németh|Somogyi|Szőke|Vörös",
        "Cluj-Napoca, Romania|Bucharest, Romania|Iași, Romania|Budapest, Hungary|Debrecen, Hungary",
    ],
    [
        "Aikaterini|Alexandros|Despina|Eleni|Georgios|Ioanna|Kostas|Nikos|Sofia|Yannis|Ana|Darko|Dragana|Goran|Ivana|Marko|Mirjana|Nenad|Petra|Željko",
        "Angelopoulos|Dimitriou|Georgiadis|Kalogeropoulos|Karagiannis|Laskaris|Makris|Nikolaidis|Papadakis|Stamatis|Theodorou|Vlachos|Babić|Barišić|Đurić|Horvat|Jurić|Kovač|Marković|Nikolić|Petrović|Stanković|Vuković|Živković",
        "Athens, Greece|Thessaloniki, Greece|Zagreb, Croatia|Ljubljana, Slovenia|Belgrade, Serbia",
    ],
];

const TITLE_WORDS: &str = "Plant Manager|Production Manager|Head of Procurement|Supply Chain Director|Logistics Coordinator|Quality Engineer|Maintenance Lead|Operations Manager|Chief Operating Officer|Chief Executive Officer|Founder|Co-Founder|Managing Director|Sales Director|Key Account Manager|Account Executive|Business Development Manager|Head of Growth|Marketing Manager|Brand Manager|Content Strategist|Product Manager|Product Owner|UX Designer|Software Engineer|Senior Software Engineer|Data Engineer|Data Analyst|Machine Learning Engineer|IT Manager|Security Architect|Cloud Consultant|Finance Director|Financial Controller|HR Business Partner|Talent Acquisition Partner|Head of People|Legal Counsel|Project Manager|Programme Lead|Research Scientist|Clinical Project Lead|Architect|Site Manager|Customer Success Manager|Consultant";

const TOPIC_WORDS: &str = "Lean manufacturing|Sustainable packaging|B2B SaaS|Industry 4.0|Team builder|Speaker|Circular economy|Cold chain|Renewables|Digital transformation|ex-consultant|Data-driven growth|Health tech|Rail & mobility|Food safety|Hiring!|Automation|Climate|Retail media|Always learning";

const HEAD_WORDS: &str = "Alder|Amberfield|Aqualis|Ardent|Beacon|Birchwood|Blue Heron|Bramble|Brightwater|Cedarline|Cobalt|Copperleaf|Corvid|Crestview|Delmara|Driftwood|Eastgate|Elmstead|Emberly|Fernhill|Fjordline|Foxglove|Galena|Glasswing|Graniteworks|Greenhollow|Halcyon|Harbourside|Hazelton|Helixa|Highmoor|Ironbridge|Juniper|Kestrel|Kingfisher|Lanternfish|Larkspur|Limestone|Lumora|Maplewood|Meridian Nine|Mistral|Moonrise|Nordwind|Northgate|Oakhurst|Opaline|Orchard Row|Palisade|Pinecrest|Quayside|Redfern|Ridgeback|Saltmarsh|Silverbirch|Solvane|Stonebridge|Tallgrass|Tidewater|Umbra|Valoria|Velmara|Westering|Willowbank";

const TRADE_WORDS: &str = "Advisory|Analytics|Automotive|Bakeries|Biotech|Building Systems|Capital|Chemicals|Consulting|Diagnostics|Dynamics|Energy|Engineering|Foods|Freight|Health|Hotels|Instruments|Insurance|Labs|Logistics|Machinery|Marine|Materials|Media|Mobility|Packaging|Pharma|Plastics|Robotics|Software|Studio|Textiles|Water";

const COMMENT_WORDS: &str = "Congratulations!|Great read, thank you for sharing.|We see the same on our lines.|Interesting numbers. How did you measure them?|Count me in 🙌|Could not agree more.|Is there a recording?|Well said 👏|This matches what our customers tell us.|Following.|Would love to hear more about the rollout.|Nice work by the whole team!|Not sure about the second point, but good food for thought.|Merci pour le partage !|Sent you a message.|We tried this last year; happy to compare notes.";
