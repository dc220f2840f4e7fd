//! Life situations as clocks: posteriors over anchor dates, needs, buy-again, next basket.
