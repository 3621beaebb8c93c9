<?php
/**
 * Plugin Name: Donations widget
 * Description: Builds the card of your donations service into posts, by a block or [donations].
 * Version: 0.1.0
 * Requires at least: 6.1
 * Requires PHP: 7.4
 * License: MIT
 *
 * What moves money is pinned when the settings are saved: addresses, script and style. A post shows
 * these addresses whatever the service says later, and shows no code and no numbers when the
 * service names others. The card itself passes a list of known elements and attributes.
 */

namespace Donations_Widget;

defined( 'ABSPATH' ) || exit;

const URL     = 'donations_widget_url';
const PINNED  = 'donations_widget_pinned'; // what the service said when the settings were saved
const LAST    = 'donations_widget_last';   // the last good card, by language
const FRESH   = 300;                       // seconds a card is shown before it is asked for again
const PAUSE   = 60;                        // seconds without asking after a failure
const SECONDS = 3;                         // a reader waits so long for the service, at most
const LARGEST = 300000;                    // bytes of an answer

add_action( 'init', __NAMESPACE__ . '\\start' );
add_action( 'admin_init', __NAMESPACE__ . '\\register_settings' );
add_action( 'admin_menu', __NAMESPACE__ . '\\add_page' );
add_action( 'enqueue_block_editor_assets', __NAMESPACE__ . '\\add_editor_script' );
add_filter( 'kses_allowed_protocols', __NAMESPACE__ . '\\allow_payment_links' );

/** The words of the settings, in the language of the one who reads them. */
function word( $name ) {
	$words = array(
		'title'   => array( 'Donations', 'Dons' ),
		'missing' => array( 'Donations: give the address of the service in the settings.', 'Dons : indiquez l’adresse du service dans les réglages.' ),
		'url'     => array( 'Address of the service', 'Adresse du service' ),
		'form'    => array( 'Give the address of the service, as https://donations.example.org/', 'Indiquez l’adresse du service, comme https://dons.example.org/' ),
		'none'    => array( 'There is no donations service at this address.', 'Il n’y a pas de service de dons à cette adresse.' ),
		'pinned'  => array(
			'Posts show these addresses. Compare them with your wallets; save again after changing them in the service, or after updating it.',
			'Les articles montrent ces adresses. Comparez-les avec vos portefeuilles ; enregistrez de nouveau après les avoir changées dans le service, ou après sa mise à jour.',
		),
		'use'     => array(
			'Use the block “Donations”, or write [donations] in a post; [donations lang="fr"] chooses a language.',
			'Utilisez le bloc « Dons », ou écrivez [donations] dans un article ; [donations lang="en"] choisit une langue.',
		),
	);
	return $words[ $name ][ 0 === strpos( get_user_locale(), 'fr' ) ? 1 : 0 ];
}

/** The shortcode, the block, and the service as a known oEmbed provider. */
function start() {
	add_shortcode( 'donations', __NAMESPACE__ . '\\render' );
	register_block_type(
		'donations/widget',
		array(
			'api_version'     => 2,
			'title'           => word( 'title' ),
			'category'        => 'widgets',
			'attributes'      => array( 'lang' => array( 'type' => 'string', 'default' => '' ) ),
			'render_callback' => __NAMESPACE__ . '\\render',
		)
	);
	$url = service();
	if ( $url ) {
		$page = preg_quote( untrailingslashit( $url ), '#' );
		wp_oembed_add_provider( '#^' . $page . '/?(\\?lang=[a-z]{2})?$#', $url . 'oembed', true );
	}
}

/** Payment links stay in the posts of authors whose HTML is filtered. */
function allow_payment_links( $protocols ) {
	return array_values( array_unique( array_merge( $protocols, array( 'bitcoin', 'bitcoincash', 'ethereum' ) ) ) );
}

/** The address of the service, with a final slash; '' when none is set. */
function service() {
	$url = get_option( URL, '' );
	return is_string( $url ) && '' !== $url ? trailingslashit( $url ) : '';
}

/** The HTML of the card: for the shortcode and the block. */
function render( $attributes ) {
	$pinned = get_option( PINNED );
	if ( ! service() || ! is_array( $pinned ) || empty( $pinned['addresses'] ) ) {
		return current_user_can( 'manage_options' )
			? '<p>' . esc_html( word( 'missing' ) ) . '</p>'
			: '';
	}
	$lang = language( is_array( $attributes ) && isset( $attributes['lang'] ) ? $attributes['lang'] : '' );
	$card = card( $lang );
	$root = '';
	if ( '' === $card ) {
		$root = '<p class="card" role="alert"><b>' . esc_html( $pinned['warning'] ) . '</b></p>';
	} elseif ( null !== $card ) {
		$root = $card;
	}
	return element( $pinned, $lang, $root );
}

/** A language of the form "fr"; from the attribute, else that of the site. */
function language( $wanted ) {
	$lang = strtolower( substr( is_string( $wanted ) && '' !== $wanted ? $wanted : get_locale(), 0, 2 ) );
	return preg_match( '/^[a-z]{2}$/', $lang ) ? $lang : 'en';
}

/** The element with its shadow root, and beside it the pinned addresses as text and links. */
function element( array $pinned, $lang, $root ) {
	$url   = service();
	$items = '';
	foreach ( $pinned['addresses'] as $one ) {
		$items .= '<li>' . esc_html( $one['name'] ) . ' <small>(' . esc_html( $one['network'] ) . ')</small><br>'
			. '<a href="' . esc_attr( $one['link'] ) . '" title="' . esc_attr( $one['name'] ) . '" data-qr="' . esc_attr( $one['bits'] ) . '">'
			. '<code>' . esc_html( $one['address'] ) . '</code></a></li>';
	}
	$shadow = '' === $root ? '' : '<template shadowrootmode="open"><style>' . $pinned['style'] . '</style>' . $root . '</template>';
	$script = sprintf(
		'<script type="module" src="%s" integrity="%s" crossorigin="anonymous"></script>',
		esc_url( $url . $pinned['script'] ),
		esc_attr( $pinned['integrity'] )
	);
	return '<donation-widget src="' . esc_url( $url ) . '" lang="' . esc_attr( $lang ) . '" warning="' . esc_attr( $pinned['warning'] ) . '">'
		. $shadow . '<p>' . esc_html( $pinned['title'] ) . '</p><ul>' . $items . '</ul>'
		. '<p><a href="' . esc_url( $url ) . '">' . esc_html( $pinned['home'] ) . '</a></p></donation-widget>' . $script;
}

/** The card in a language: fresh, else the last one, else null; as `clean` gives it. */
function card( $lang ) {
	$last  = get_option( LAST );
	$last  = is_array( $last ) ? $last : array();
	$known = isset( $last[ $lang ] ) ? $last[ $lang ] : null;
	$key   = 'donations_widget_' . $lang;
	if ( false !== get_transient( $key ) ) {
		return $known;
	}
	// Set before asking: while one reader waits, the others get what is there.
	set_transient( $key, 1, PAUSE );
	$said = ask( service(), $lang );
	if ( is_wp_error( $said ) ) {
		return $known;
	}
	$last[ $lang ] = clean( $said['card'], (array) get_option( PINNED ) );
	update_option( LAST, $last, false );
	set_transient( $key, 1, FRESH );
	return $last[ $lang ];
}

/** What the service says, checked for its form; a WP_Error when it does not. */
function ask( $url, $lang ) {
	$answer = wp_safe_remote_get(
		$url . 'inline.json?lang=' . rawurlencode( $lang ),
		array( 'timeout' => SECONDS, 'redirection' => 0, 'limit_response_size' => LARGEST )
	);
	if ( is_wp_error( $answer ) ) {
		return $answer;
	}
	$said = 200 === wp_remote_retrieve_response_code( $answer ) ? json_decode( wp_remote_retrieve_body( $answer ), true ) : null;
	if ( ! is_array( $said ) || ! is_whole( $said ) ) {
		return new \WP_Error( 'donations', word( 'none' ) );
	}
	return $said;
}

function is_whole( array $said ) {
	foreach ( array( 'card', 'style', 'script', 'integrity', 'title', 'warning', 'home' ) as $name ) {
		if ( ! isset( $said[ $name ] ) || ! is_string( $said[ $name ] ) ) {
			return false;
		}
	}
	if ( ! preg_match( '/^widget\.[0-9a-f]{16}\.js$/', $said['script'] ) || false !== strpos( $said['style'], '<' )
		|| ! preg_match( '#^sha384-[A-Za-z0-9+/=]{64}$#', $said['integrity'] )
		|| ! isset( $said['addresses'] ) || ! is_array( $said['addresses'] ) || ! $said['addresses'] ) {
		return false;
	}
	foreach ( $said['addresses'] as $one ) {
		foreach ( array( 'name', 'network', 'address', 'link', 'bits', 'label' ) as $name ) {
			if ( ! is_array( $one ) || ! isset( $one[ $name ] ) || ! is_string( $one[ $name ] ) ) {
				return false;
			}
		}
		if ( ! preg_match( '/^(bitcoin|bitcoincash|bchtest|bchreg|ethereum):[A-Za-z0-9:.@-]+$/', $one['link'] ) ) {
			return false;
		}
	}
	return true;
}

/**
 * The card with known elements and attributes alone: nothing in it can act or load. Codes and links
 * are not the service's: they are drawn and written from what is pinned. '' for a card that names
 * other addresses.
 */
function clean( $html, array $pinned ) {
	$any          = array_fill_keys(
		array( 'class', 'part', 'id', 'lang', 'dir', 'role', 'for', 'name', 'checked', 'type', 'max', 'value', 'datetime', 'translate', 'aria-label', 'aria-labelledby', 'aria-hidden', 'data-*' ),
		true
	);
	$allowed      = array_fill_keys(
		array( 'div', 'section', 'details', 'summary', 'h2', 'h3', 'p', 'b', 'i', 'span', 'bdi', 'code', 'fieldset', 'legend', 'input', 'label', 'button', 'ol', 'li', 'time', 'progress' ),
		$any
	);
	$allowed['a'] = array( 'class' => true );
	$card         = wp_kses( $html, $allowed, array() );
	if ( ! is_ours( $card, $pinned ) ) {
		return '';
	}
	$coins        = array_column( $pinned['addresses'], null, 'address' );
	$order        = addresses_in( $card );
	$next         = array( 'qr' => 0, 'wallet' => 0 );
	$coin         = function ( $what ) use ( $coins, $order, &$next ) {
		$address = isset( $order[ $next[ $what ] ] ) ? $order[ $next[ $what ] ] : '';
		++$next[ $what ];
		return isset( $coins[ $address ] ) ? $coins[ $address ] : null;
	};
	$card         = preg_replace_callback(
		'#(<div\b[^>]*\bclass="qr"[^>]*>)[^<]*</div>#',
		function ( $found ) use ( $coin ) {
			$one = $coin( 'qr' );
			return $found[1] . ( $one ? draw( $one['bits'], $one['label'] ) : '' ) . '</div>';
		},
		$card
	);
	return preg_replace_callback(
		'#<a\b[^>]*>#',
		function ( $found ) use ( $coin ) {
			if ( preg_match( '#\bclass="wallet"#', $found[0] ) ) {
				$one = $coin( 'wallet' );
				return '<a class="wallet"' . ( $one ? ' href="' . esc_attr( $one['link'] ) . '"' : '' ) . '>';
			}
			return '<a class="home" href="' . esc_url( service() ) . '" target="_blank" rel="noopener">';
		},
		$card
	);
}

/** The code whose modules are $bits (base64, row by row, black is 1), four quiet modules around. */
function draw( $bits, $label ) {
	$bytes = (string) base64_decode( $bits, true );
	$side  = (int) floor( sqrt( strlen( $bytes ) * 8 ) );
	$path  = '';
	for ( $i = 0; $i < $side * $side; $i++ ) {
		if ( ord( $bytes[ $i >> 3 ] ) << ( $i & 7 ) & 128 ) {
			$path .= 'M' . ( $i % $side + 4 ) . ' ' . ( intdiv( $i, $side ) + 4 ) . '.5h1';
		}
	}
	$box = $side + 8;
	return '<svg viewBox="0 0 ' . $box . ' ' . $box . '" role="img" aria-label="' . esc_attr( $label ) . '" shape-rendering="crispEdges">'
		. '<path fill="#fff" d="M0 0h' . $box . 'v' . $box . 'H0z"/><path stroke="#000" d="' . $path . '"/></svg>';
}

const ADDRESS = '#<(p|code)\b[^>]*\bclass="address"[^>]*>(.*?)</\1>#s';

/** The addresses a card shows, in its order. */
function addresses_in( $card ) {
	preg_match_all( ADDRESS, $card, $found );
	return array_map( 'wp_strip_all_tags', $found[2] );
}

/** Whether a card shows the pinned addresses, each once, and names no other, in attributes neither. */
function is_ours( $card, array $pinned ) {
	$shown = addresses_in( $card );
	sort( $shown );
	$rest = html_entity_decode( preg_replace( ADDRESS, ' ', $card ), ENT_QUOTES, 'UTF-8' );
	foreach ( array( $rest, wp_strip_all_tags( $rest ) ) as $text ) {
		$text = preg_replace( '/[\p{Cf}\p{Mn}]/u', '', $text );
		if ( null === $text || preg_match( '/[0-9a-z]{26}/i', $text ) ) {
			return false;
		}
	}
	return addresses_of( $pinned ) === $shown;
}

function addresses_of( array $pinned ) {
	$addresses = wp_list_pluck( $pinned['addresses'], 'address' );
	sort( $addresses );
	return $addresses;
}

/** The block in the editor: one script of a few lines, no build step. */
function add_editor_script() {
	wp_register_script( 'donations-widget-editor', false, array( 'wp-blocks', 'wp-element', 'wp-block-editor', 'wp-server-side-render' ), '0.1.0', true );
	wp_add_inline_script(
		'donations-widget-editor',
		"wp.blocks.registerBlockType( 'donations/widget', { apiVersion: 2, title: " . wp_json_encode( word( 'title' ) ) . ", icon: 'heart', category: 'widgets',
			attributes: { lang: { type: 'string', default: '' } },
			edit: function ( props ) { return wp.element.createElement( 'div', wp.blockEditor.useBlockProps(),
				wp.element.createElement( wp.serverSideRender, { block: 'donations/widget', attributes: props.attributes } ) ); },
			save: function () { return null; } } );"
	);
	wp_enqueue_script( 'donations-widget-editor' );
}

function register_settings() {
	register_setting( 'donations_widget', URL, array( 'type' => 'string', 'default' => '', 'sanitize_callback' => __NAMESPACE__ . '\\save' ) );
}

/** Check the address, ask the service there, and pin what it says. The old setting stays on an error. */
function save( $value ) {
	static $done = array();
	$value = is_string( $value ) ? trim( $value ) : '';
	// WordPress calls this twice when the option is new.
	if ( array_key_exists( $value, $done ) ) {
		return $done[ $value ];
	}
	$url = '' === $value ? '' : trailingslashit( esc_url_raw( $value, array( 'https', 'http' ) ) );
	if ( '' === $url ) {
		delete_option( PINNED );
		delete_option( LAST );
		return '';
	}
	$said = loads_safely( $url ) ? ask( $url, language( '' ) ) : new \WP_Error( 'donations', word( 'form' ) );
	if ( is_wp_error( $said ) ) {
		add_settings_error( URL, 'donations', $said->get_error_message() );
		return get_option( URL, '' );
	}
	update_option( PINNED, array_intersect_key( $said, array_flip( array( 'style', 'script', 'integrity', 'title', 'warning', 'home', 'addresses' ) ) ) );
	delete_option( LAST );
	foreach ( array( 'ar', 'de', 'en', 'es', 'fr', 'it', 'nl', 'pl', 'pt', language( '' ) ) as $lang ) {
		delete_transient( 'donations_widget_' . $lang );
	}
	$done[ $value ] = $url;
	$done[ $url ]   = $url;
	return $url;
}

function loads_safely( $url ) {
	$parts = wp_parse_url( $url );
	if ( ! is_array( $parts ) || empty( $parts['scheme'] ) || empty( $parts['host'] ) || isset( $parts['user'] ) || isset( $parts['query'] ) || isset( $parts['fragment'] ) ) {
		return false;
	}
	return 'https' === $parts['scheme'] || in_array( $parts['host'], array( '127.0.0.1', 'localhost' ), true );
}

function add_page() {
	add_options_page( word( 'title' ), word( 'title' ), 'manage_options', 'donations-widget', __NAMESPACE__ . '\\show_page' );
}

/** One field, and what is pinned. */
function show_page() {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	$pinned = get_option( PINNED );
	echo '<div class="wrap"><h1>' . esc_html( word( 'title' ) ) . '</h1><form method="post" action="options.php">';
	settings_fields( 'donations_widget' );
	echo '<p><label for="' . esc_attr( URL ) . '">' . esc_html( word( 'url' ) ) . '</label><br>'
		. '<input type="url" class="regular-text" id="' . esc_attr( URL ) . '" name="' . esc_attr( URL ) . '" value="' . esc_attr( get_option( URL, '' ) ) . '" placeholder="https://donations.example.org/"></p>';
	if ( is_array( $pinned ) && ! empty( $pinned['addresses'] ) ) {
		echo '<p>' . esc_html( word( 'pinned' ) ) . '</p><ul>';
		foreach ( $pinned['addresses'] as $one ) {
			echo '<li>' . esc_html( $one['name'] ) . ': <code>' . esc_html( $one['address'] ) . '</code></li>';
		}
		echo '</ul>';
	}
	echo '<p>' . esc_html( word( 'use' ) ) . '</p>';
	submit_button();
	echo '</form></div>';
}
