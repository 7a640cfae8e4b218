/**
 * The scripts of Unicode 16, except the common and inherited ones, by ISO 15924 code; living
 * scripts with many readers come first. Regular expressions know scripts, but cannot list them.
 */
export const scripts = `
Latn Cyrl Grek Arab Hebr Hani Hira Kana Hang Bopo Deva Beng Thai Geor Armn Ethi Gujr Guru Khmr
Knda Laoo Mlym Mymr Orya Sinh Taml Telu Thaa Tibt Adlm Aghb Ahom Armi Avst Bali Bamu Bass Batk
Bhks Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher Chrs Copt Cpmn Cprt Diak Dogr Dsrt Dupl Egyp
Elba Elym Gara Glag Gong Gonm Goth Gran Gukh Hano Hatr Hluw Hmng Hmnp Hung Ital Java Kali Kawi
Khar Khoj Kits Krai Kthi Lana Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf
Mend Merc Mero Modi Mong Mroo Mtei Mult Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh
Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw
Shaw Shrd Sidd Sind Sogd Sogo Sora Soyo Sund Sunu Sylo Syrc Tagb Takr Tale Talu Tang Tavt Tfng
Tglg Tirh Tnsa Todr Toto Tutg Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb
`
  .trim()
  .split(/\s+/);
