/** The most frequent words in chats, in order of frequency. */
export const languages = {
  english: words`the I to you a it and is that in of we for on have do not are be with was but this
    at so what just can if my me they all like know there will yes no get up think out when about
    how one go then your good time now would here see need from maybe today tomorrow really thanks
    sure sorry right could back want please why who still work meeting tonight home dinner train
    later again before after morning weekend photo ticket coffee kitchen window garden question
    answer problem release version budget holiday birthday neighbour bicycle mountain rain station
    doctor teacher children music concert recipe umbrella`,
  german: words`ich die das ist nicht und du der es wir in zu ja ein auch so mal aber da was wie mit
    hab noch schon den auf für dann nur haben kann gut heute morgen danke bitte wenn mir dir oder
    nein jetzt hier doch uns sie er war eine bin sehr vielleicht später wieder immer Zeit Uhr Haus
    Garten Küche Zug Bahnhof Arbeit Besprechung Wochenende Geburtstag Fahrrad Schlüssel Frühstück
    Straße Brötchen Kaffee Regen Wetter Urlaub Kinder Schule Lehrerin Musik Rezept größer schön
    müssen können würde hätte natürlich übrigens eigentlich`,
  french: words`je de est pas le la et à tu que un les en on ça ne il des pour une c'est oui mais non
    avec dans qui sur bien tout plus me moi elle nous vous si comme fait faire être aller demain
    aujourd'hui merci bonjour salut peut-être après déjà encore toujours très beaucoup maison
    cuisine jardin gare métro réunion anniversaire vélo clé déjeuner café pluie été école enfants
    musique recette fenêtre forêt problème réponse énorme français là-bas désolé`,
  spanish: words`que de no a la el y en es lo un por qué me te se los con para mi está una si sí pero
    las su yo bien tu como más hay eso del al muy todo esto ya aquí cuando él ella nos gracias hola
    mañana hoy noche después también siempre nunca casa cocina jardín estación tren reunión
    cumpleaños bicicleta llave desayuno café lluvia niños escuela música receta ventana montaña
    pregunta respuesta año español corazón perdón quizás todavía`,
  russian: words`я не и в что ты на это он с как а мы но да так у вы за по же все меня мне нет его
    только бы ну ещё уже если когда сейчас сегодня завтра спасибо пожалуйста привет хорошо может
    потом очень можно надо дома работа встреча вечером утром поезд вокзал кухня сад окно ключ
    завтрак кофе дождь погода отпуск дети школа музыка рецепт вопрос ответ день рождения велосипед`,
  japanese: words`です ます は の に を が と で も ない する いる ある それ これ 今日 明日 ありがとう お願いします
    はい いいえ 了解 時間 電車 駅 会議 仕事 家 台所 庭 窓 鍵 朝ごはん 珈琲 雨 天気 休み 子供 学校 音楽 質問 返事
    誕生日 自転車 写真 週末 大丈夫 またね おはよう おやすみ 楽しい 美味しい`,
} as const;

export const emoji = words`😀 😂 👍 ❤️ 🎉 🙏 😅 🤔 👀 🔥 😭 ☕ 🚲 🌧️ 👨‍👩‍👧 🏳️‍🌈`;

function words(text: TemplateStringsArray): readonly string[] {
  return text.join('').split(/\s+/);
}
